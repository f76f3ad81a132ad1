"""Tells mail of machines from mail of people: bounces, automatic answers, lists, read receipts.

Pure. A bounce is read from its report (RFC 3464), or from the words Exchange, Gmail,
Postfix, Exim, qmail, Yahoo and others write to people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from intake.addresses import domain_of, normalise_address
from intake.headers import Headers, parse_ids
from intake.incoming import Bounce
from intake.mime import Part

# A report says what failed near its beginning; the returned mail below it may be huge.
MAX_TEXT = 60_000
MAX_RECIPIENTS = 200

_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|maildaemon|mdaemon|mailerdaemon|bounces?|autoreply|microsoftexchange[0-9a-f]{20,}|"
    r"mail\.daemon|daemon|mailadm|mail_system|mail-system|bounce-notification|double-bounce|smtp[-_.]?daemon|mmdf|uucp|prodmail.*|"
    r"admin@.*gate|mailsweeper.*|no-?reply-dsn|complaints|abuse|staff)(?:[+=\-].*)?@",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ \-_.]*(?:delivery|daemon|system|administrator)|delivery (?:subsystem|system|service|agent|status)|postmaster|administrador del sistema|"
    r"system administrator|subsistema de entrega|microsoft outlook|mail router|internet mail",
    re.IGNORECASE,
)
_FAILURE_SUBJECT = re.compile(
    r"undeliver|undelivrable|non[- ]?deliver|not (?:be )?deliver|deliver[a-z]* (?:status )?(?:notification|failure|failed|problem|report|error|has failed|status|unsuccess)|failure notice|"
    r"mail delivery (?:failed|failure|problem|error|system)|returned (?:mail|to sender|email)|return(?:ed)? mail|mail (?:system )?error|mail failure|delayed mail|warning: (?:message|could)|"
    r"delivery has failed|message (?:status|undeliverable|delayed|you sent blocked)|could ?n[o']t be (?:sent|delivered)|couldn.t be delivered|"
    r"no (?:se )?(?:ha podido|pudo|puede) (?:ser )?(?:entreg|enviar)|no entregad[oa]|no se puede entregar|error (?:de|en la|al) (?:entrega|env[ií]o)|(?:mensaje|correo) (?:devuelto|rechazado|no entregado)|"
    r"notificaci[oó]n (?:del )?estado (?:de|del) (?:la )?(?:entrega|env[ií]o)|aviso de (?:no )?entrega|falha n[ao] entrega|mensagem n[aã]o entregue|não (?:foi )?entreg|devolvid|devuelt|"
    r"unzustellbar|nicht zugestellt|zustellung fehlgeschlagen|r[ée]ponse non remis|[eé]chec de (?:la )?remise|non remis|impossibile (?:recapitare|consegnare)|mancata consegna|"
    r"niet (?:bezorgd|bestelbaar|afgeleverd)|onbestelbaar|ikke leveret|kan inte levereras|olevererbart|nie dostarczon|не доставлено|недоставлен|配信不能|送達不能|退信|无法送达|"
    r"rejected(?: mail| message|:)|mailbox (?:full|unavailable)|message blocked|user unknown|unknown (?:address|user)|address (?:not found|error)|nondeliverable|delivery to the following|"
    r"ndn:|permanent (?:delivery )?(?:failure|error)|failed mail|mail could not|problem delivering|unzustellbare",
    re.IGNORECASE,
)
_FAILURE_TEXT = re.compile(
    r"could not be delivered|couldn.t be delivered|was not delivered|unable to deliver|wasn.t able to deliver|were not able to deliver|undeliverable|delivery (?:to the following|has failed|failed)|"
    r"permanent (?:fatal )?errors?|fatal errors?|returned (?:below|to sender|mail)|user unknown|unknown user|no such (?:user|recipient|account|mailbox|address)|recipient address rejected|mailbox (?:is )?(?:full|unavailable|not found)|"
    r"over ?quota|quota exceeded|exceeded (?:the )?(?:storage|quota)|did not reach|does not exist|doesn.t exist|address(?:es)? (?:had|failed|not found|rejected)|following (?:addresses|recipients?)|no longer (?:valid|active|in use|available)|"
    r"host (?:not found|unknown)|relay(?:ing)? (?:access )?denied|message (?:was )?(?:rejected|refused|blocked|undeliver)|not been delivered|cannot be delivered|can.t be delivered|delivery (?:error|failure|problem)|"
    r"no se (?:pudo|puede|ha podido) entregar|no pudo (?:ser )?entreg|no ha sido entregad|no existe|não (?:foi|pôde)|konnte nicht zugestellt|n'a (?:pas )?pu [êe]tre|non (?:è stato|può essere)|impossible de remettre|"
    r"mail delivery fail|has been (?:blocked|rejected)|(?:^|\D)[45][0-9]{2}[ \-#]+[45]\.\d{1,3}\.\d{1,3}|\b55[0-4]\b|\b45[0-2]\b",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"\s*\W{0,2}(?:(?:re|rv|fw|aw|sv):\s*)?(?:(?:auto(?:mated|matic|matische?)?[ :-]{0,2}(?:reply|response|responder|replay)|autoreply|auto:|out of (?:the )?office|away from (?:the )?office|ooo:|"
    r"vacation (?:reply|response|auto)|on vacation|on leave|respuesta autom[aá]tica|contestaci[oó]n autom[aá]tica|fuera de (?:la )?oficina|ausente de la oficina|ausencia|estoy (?:fuera|de vacaciones)|de vacaciones|mensaje autom[aá]tico|"
    r"resposta autom[aá]tica|aus[eê]ncia|fora do escrit[oó]rio|r[eé]ponse automatique|absence du bureau|absent du bureau|message automatique|automatische (?:antwort|antwoord)|abwesenheits?(?:notiz|benachrichtigung)?|abwesend|"
    r"automatisch(?:e)? (?:antwoord|beantwoording)|afwezig|risposta automatica|fuori (?:sede|ufficio)|automatiskt? svar|autosvar|automatisk svar|fr[aå]nvaro|automaattinen vastaus|odpowied[zź] automatyczna|automatyczna odpowied[zź]|"
    r"automatick[aá] odpov[eě][dď]|nep[rř][ií]tomnost|автоответ|автоматический ответ|автоматична відповідь|otomatik (?:yan[ıi]t|cevap)|自动回复|自動回覆|自動返信|자동 응답|自动答复|不在)\b)",
    re.IGNORECASE,
)
_LIST_PRECEDENCE = ("list", "bulk")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?"
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-:]|$)")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a mail of a machine is; all false for mail of a person."""

    is_auto_reply: bool = False
    is_bounce: bool = False
    is_mailing_list: bool = False
    is_read_receipt: bool = False
    should_auto_respond: bool = True
    bounce: Bounce | None = None


def judge(root: Part, subject: str, sender: str, sender_name: str, text: str) -> Machine:
    """What kind of machine, if any, wrote this mail, and whether it may be answered automatically."""
    headers = root.headers
    receipt = _is_read_receipt(root)
    bounce = None if receipt else _bounce_of(root, subject, sender, sender_name, text)
    mailing_list = any(
        name in headers for name in ("list-id", "list-post", "list-unsubscribe", "mailing-list")
    )
    automatic = not bounce and _is_auto_reply(headers, subject)
    quiet = bounce is not None or receipt or automatic or mailing_list or _asks_for_silence(headers, sender)
    return Machine(automatic, bounce is not None, mailing_list, receipt, not quiet, bounce)


def _is_read_receipt(root: Part) -> bool:
    if root.kind == "multipart/report" and "disposition" in root.parameters.get("report-type", ""):
        return True
    return any(part.kind == "message/disposition-notification" for part in root.children)


def _is_auto_reply(headers: Headers, subject: str) -> bool:
    submitted = headers.plain("auto-submitted").lower()
    if submitted.startswith(("auto-replied", "auto-generated")) and not submitted.startswith(
        "auto-generated; owner"
    ):
        return (
            submitted.startswith("auto-replied")
            or "in-reply-to" in headers
            or bool(_AUTO_SUBJECT.match(subject))
        )
    if any(
        name in headers
        for name in (
            "x-autoreply",
            "x-autorespond",
            "x-autoresponder",
            "x-auto-reply",
            "x-autoreply-from",
            "x-mail-autoreply",
        )
    ):
        return True
    if (
        headers.plain("precedence").lower() in ("auto_reply", "auto-reply")
        or headers.plain("x-precedence").lower() == "auto_reply"
    ):
        return True
    if (
        headers.plain("delivered-to").lower().startswith("autoresponder")
        or headers.plain("x-fc-machinegenerated").lower() == "true"
    ):
        return True
    return bool(_AUTO_SUBJECT.match(subject))


def _asks_for_silence(headers: Headers, sender: str) -> bool:
    """RFC 3834, 2 and the habits of Exchange: these never get an automatic answer."""
    submitted = headers.plain("auto-submitted").lower()
    if submitted and submitted != "no":
        return True
    if headers.plain("precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return True
    suppress = headers.plain("x-auto-response-suppress").lower()
    if any(word in suppress for word in ("all", "autoreply", "oof", "dr")):
        return True
    if "return-path" in headers and headers.plain("return-path").replace(" ", "") == "<>":
        return True
    local = sender.partition("@")[0]
    no_reply = re.fullmatch(
        r"(?:no|do-?not|donot|nao|ne)[-_.]?(?:reply|responder|responda|contestar|repondre).*|.*[-_.](?:no-?reply|noresponder)|.*-(?:bounces?|request|owner)|owner-.*|listserv|majordomo|mailman",
        local,
    )
    return not sender or bool(no_reply) or bool(_DAEMON.match(sender))


def _bounce_of(root: Part, subject: str, sender: str, sender_name: str, text: str) -> Bounce | None:
    report = _read_report(root)
    if report is not None:
        return report if report.recipients or report.statuses or True else None
    headers = root.headers
    daemon = bool(
        _DAEMON.match(sender)
        or _DAEMON_NAME.search(sender_name)
        or not sender
        or sender.endswith("mailer-daemon")
    )
    empty_path = headers.plain("return-path").replace(" ", "") == "<>"
    failed_subject = bool(_FAILURE_SUBJECT.search(subject))
    body = text[:MAX_TEXT]
    named = "x-failed-recipients" in headers
    explained = bool(_FAILURE_TEXT.search(body))
    points = 2 * daemon + 2 * failed_subject + empty_path + 3 * named + 2 * explained
    if points < 4 or (not named and not (daemon or empty_path or failed_subject)):
        return None
    if not (daemon or empty_path or named) and (
        "in-reply-to" in headers and re.match(r"\s*(?:re|rv|fw|fwd|aw)\s*:", subject, re.I)
    ):
        return None
    return _read_words(root, headers, sender, body)


def _read_report(root: Part) -> Bounce | None:
    """RFC 3464: the fields of message/delivery-status."""
    for part in root.walk():
        if part.kind in ("message/delivery-status", "message/global-delivery-status"):
            return _read_status_part(root, part)
    return None


def _read_status_part(root: Part, part: Part) -> Bounce | None:
    content = part.content()[:MAX_TEXT].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    recipients: list[str] = []
    statuses: list[str] = []
    diagnostic = ""
    actions: list[str] = []
    for block in re.split(rb"\n[ \t]*\n", content.strip())[: MAX_RECIPIENTS + 1]:
        fields = Headers(block)
        address = _after_type(fields.plain("original-recipient")) or ""
        final = _after_type(fields.plain("final-recipient"))
        action = fields.plain("action").lower()
        if not (address or final):
            continue
        actions.append(action)
        status = _STATUS.search(fields.plain("status"))
        said = fields.plain("diagnostic-code")
        if action in ("delivered", "relayed", "expanded"):
            continue
        chosen = final or address
        recipients.append(normalise_address(chosen))
        better = _STATUS.search(said)
        if status or better:
            plain = status[1] if status else ""
            statuses.append(better[1] if better and plain in ("", "5.0.0", "4.0.0") else plain)
        diagnostic = diagnostic or said
    if actions and all(action in ("delivered", "relayed", "expanded") for action in actions):
        # A success report is no bounce.
        return None
    return Bounce(_unique(recipients), _unique(statuses), _original_id(root), diagnostic[:1000])


def _after_type(value: str) -> str:
    """`rfc822; ana@ejemplo.mx` → `ana@ejemplo.mx`."""
    address = value.partition(";")[2] or value
    return address.strip().strip("<>").strip()


def _original_id(root: Part) -> str:
    """Message-ID of the returned mail, from its copy or its headers."""
    for part in root.walk():
        if part.kind in ("message/rfc822", "text/rfc822-headers", "message/global"):
            ids = parse_ids(Headers(part.content()[:MAX_TEXT].lstrip()).plain("message-id"))
            if ids:
                return ids[0]
    found = re.search(
        rb"^message-id:\s*<([^<>\s]{3,300})>", root.raw[root.start : root.end][:200_000], re.I | re.M
    )
    return found[1].decode("ascii", "replace") if found else ""


_RETURNED = re.compile(
    r"^[ \t>]*(?:-{2,}.{0,60}(?:original|returned|copy|headers|transcript|unsent|body|follows).{0,60}|.{0,30}original message.{0,60}|.{0,40}(?:copy of (?:the|your)|headers of the|message header).{0,60}|"
    r"Received: (?:from|by|\(qmail).{0,200}|Return-Path:.{0,200}|Message-ID:.{0,200}|Original message headers.{0,40}|Encabezados de mensajes originales.{0,40})$",
    re.IGNORECASE | re.MULTILINE,
)


def _read_words(root: Part, headers: Headers, sender: str, body: str) -> Bounce:
    """A bounce without a report: recipients from headers or from the sentence that failed."""
    said = body
    returned = _RETURNED.search(body, 1)
    if returned and _ADDRESS.search(body, 0, returned.start()):
        said = body[: returned.start()]
    recipients = [
        normalise_address(a)
        for value in headers.all_plain("x-failed-recipients")
        for a in re.split(r"[,\s]+", value)
        if "@" in a
    ]
    own = {
        normalise_address(m)
        for name in ("to", "delivered-to", "from", "reply-to")
        for v in headers.all_plain(name)
        for m in _ADDRESS.findall(v)
    }
    own.add(sender)
    if not recipients:
        recipients = _recipients_in(said, own)
    if not recipients and said is not body:
        recipients = _recipients_in(body, own)
    if not recipients:
        recipients = _local_part_only(said, sender)
    statuses = _unique([m[1] for m in _STATUS.finditer(said)][:20])
    diagnostic = next(
        (line.strip() for line in said.split("\n") if _CODE.search(line) or _STATUS.search(line)), ""
    )
    return Bounce(_unique(recipients), statuses, _original_id(root), diagnostic[:1000])


def _recipients_in(body: str, own: set[str]) -> list[str]:
    """Addresses of the failure notice itself, weighed by where they stand."""
    strong: list[str] = []
    weak: list[str] = []
    for line in body.split("\n")[:600]:
        for match in _ADDRESS.finditer(line[:1000]):
            address = normalise_address(match[0].strip(".'`"))
            if (
                address in own
                or "." not in domain_of(address)
                or _DAEMON.match(address)
                or address.startswith(("postmaster@", "abuse@"))
            ):
                continue
            alone = line.strip(" \t<>():;,*.\"'-[]").lower() in (match[0].lower(), "to: " + match[0].lower())
            opens = line.lstrip(" \t*-").startswith(
                ("<" + match[0], match[0] + ":", match[0] + " ", match[0] + "...", match[0] + ">")
            )
            labelled = re.search(
                r"(?:recipient|rcpt to|to|user|address|destinatario|para|unknown|deliver\w*)\W{0,10}$",
                line[: match.start()].lower()[-40:],
            )
            (strong if alone or opens or labelled else weak).append(address)
    return strong or weak


def _local_part_only(body: str, sender: str) -> list[str]:
    """AOL and Notes name only the mailbox: its domain is the one that answers."""
    domain = domain_of(sender)
    found = re.search(
        r"(?:following recipients?|following addresses|recipient|user)[^\n]{0,300}:[ \t]*\n\s{0,8}([\w.+-]{2,64})[ \t]*(?:\n|$)",
        body,
        re.IGNORECASE,
    )
    return [f"{found[1].lower()}@{domain}"] if found and domain else []


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MAX_RECIPIENTS]
