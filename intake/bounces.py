"""Tells mail of machines from mail of people: bounces, automatic answers, lists, read receipts.

Pure. A bounce is read from its report (RFC 3464), or from the words Exchange, Gmail,
Postfix, Exim, qmail, Yahoo and others write to people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from intake.addresses import domain_of, normalise_address
from intake.incoming import Bounce
from intake.reading.charsets import clean
from intake.reading.headers import Headers, parse_ids
from intake.reading.mime import Part, Splitter

# A report says what failed near its beginning; the returned mail below it may be huge.
MAX_TEXT = 60_000
MAX_RECIPIENTS = 200

_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|maildaemon|mdaemon|mailerdaemon|bounces?|"
    r"autoreply|microsoftexchange[0-9a-f]{20,}|"
    r"mail\.daemon|daemon|mailadm|mail_system|mail-system|bounce-notification|double-bounce|"
    r"smtp[-_.]?daemon|mmdf|uucp|prodmail.*|"
    r"admin@.*gate|mailsweeper.*|no-?reply-dsn|complaints|abuse|staff)(?:[+=\-\\].*)?@",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ \-_.]*(?:delivery|daemon|system|administrator)|delivery (?:subsystem|system|service|"
    r"agent|status)|postmaster|administrador del sistema|"
    r"system administrator|subsistema de entrega|microsoft outlook|mail router|internet mail",
    re.IGNORECASE,
)
_FAILURE_SUBJECT = re.compile(
    r"undeliver|undelivrable|non[- ]?deliver|not (?:be )?deliver|deliver[a-z]* (?:status )?(?:notification|"
    r"failure|failed|problem|report|error|has failed|status|unsuccess)|failure notice|"
    r"mail delivery (?:failed|failure|problem|error|system)|returned (?:mail|to sender|email)|"
    r"return(?:ed)? mail|mail (?:system )?error|mail failure|delayed mail|warning: (?:message|could)|"
    r"delivery has failed|message (?:status|undeliverable|delayed|you sent blocked)|"
    r"could ?n[o']t be (?:sent|delivered)|couldn.t be delivered|"
    r"no (?:se )?(?:ha podido|pudo|puede) (?:ser )?(?:entreg|enviar)|no entregad[oa]|no se puede entregar|"
    r"error (?:de|en la|al) (?:entrega|env[ií]o)|(?:mensaje|correo) (?:devuelto|rechazado|no entregado)|"
    r"notificaci[oó]n (?:del )?estado (?:de|del) (?:la )?(?:entrega|env[ií]o)|aviso de (?:no )?entrega|"
    r"falha n[ao] entrega|mensagem n[aã]o entregue|não (?:foi )?entreg|devolvid|devuelt|"
    r"unzustellbar|nicht zugestellt|zustellung fehlgeschlagen|r[ée]ponse non remis|"
    r"[eé]chec de (?:la )?remise|non remis|impossibile (?:recapitare|consegnare)|mancata consegna|"
    r"niet (?:bezorgd|bestelbaar|afgeleverd)|onbestelbaar|ikke leveret|kan inte levereras|olevererbart|"
    r"nie dostarczon|не доставлено|недоставлен|配信不能|送達不能|退信|无法送达|"
    r"rejected(?: mail| message|:)|mailbox (?:full|unavailable)|message blocked|user unknown|"
    r"unknown (?:address|user)|address (?:not found|error)|nondeliverable|delivery to the following|"
    r"mail failed|delivery warning|rejected mail|退信|投递失败|送信エラー|ndn:|"
    r"permanent (?:delivery )?(?:failure|"
    r"error)|failed mail|mail could not|problem delivering|unzustellbare",
    re.IGNORECASE,
)
_FAILURE_TEXT = re.compile(
    r"could not be delivered|couldn.t be delivered|was not delivered|unable to deliver|"
    r"wasn.t able to deliver|were not able to deliver|undeliverable|delivery (?:to the following|"
    r"has failed|failed)|"
    r"permanent (?:fatal )?errors?|fatal errors?|returned (?:below|to sender|mail)|user unknown|"
    r"unknown user|no such (?:user|recipient|account|mailbox|address)|recipient address rejected|"
    r"mailbox (?:is )?(?:full|unavailable|not found)|"
    r"over ?quota|quota exceeded|exceeded (?:the )?(?:storage|quota)|did not reach|does not exist|"
    r"doesn.t exist|address(?:es)? (?:had|failed|not found|rejected)|following (?:addresses|recipients?)|"
    r"no longer (?:valid|active|in use|available)|"
    r"host (?:not found|unknown)|relay(?:ing)? (?:access )?denied|message (?:was )?(?:rejected|refused|"
    r"blocked|undeliver)|not been delivered|cannot be delivered|can.t be delivered|delivery (?:error|"
    r"failure|problem)|"
    r"no se (?:pudo|puede|ha podido) entregar|no pudo (?:ser )?entreg|no ha sido entregad|no existe|"
    r"não (?:foi|pôde)|konnte nicht zugestellt|n'a (?:pas )?pu [êe]tre|non (?:è stato|può essere)|"
    r"impossible de remettre|"
    r"has been postponed|automatically rejected|unknown host|no valid recipients|无法(?:发送|送达|投递)|"
    r"投递失败|配信できません|"
    r"mail delivery fail|has been (?:blocked|rejected)|(?:^|\D)[45][0-9]{2}[ \-#]+[45]\.\d{1,3}\.\d{1,3}|"
    r"\b55[0-4]\b|\b45[0-2]\b",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"\s*\W{0,2}(?:(?:re|rv|fw|aw|sv):\s*)?(?:(?:auto(?:mated|matic|matische?)?[ :-]{0,2}(?:reply|response|"
    r"responder|replay)|autoreply|auto:|out of (?:the )?office|away from (?:the )?office|ooo:|"
    r"vacation (?:reply|response|auto)|on vacation|on leave|respuesta autom[aá]tica|"
    r"contestaci[oó]n autom[aá]tica|fuera de (?:la )?oficina|ausente de la oficina|ausencia|estoy (?:fuera|"
    r"de vacaciones)|de vacaciones|mensaje autom[aá]tico|"
    r"resposta autom[aá]tica|aus[eê]ncia|fora do escrit[oó]rio|r[eé]ponse automatique|absence du bureau|"
    r"absent du bureau|message automatique|automatische (?:antwort|antwoord)|abwesenheits?(?:notiz|"
    r"benachrichtigung)?|abwesend|"
    r"automatisch(?:e)? (?:antwoord|beantwoording)|afwezig|risposta automatica|fuori (?:sede|ufficio)|"
    r"automatiskt? svar|autosvar|automatisk svar|fr[aå]nvaro|automaattinen vastaus|"
    r"odpowied[zź] automatyczna|automatyczna odpowied[zź]|"
    r"automatick[aá] odpov[eě][dď]|nep[rř][ií]tomnost|автоответ|автоматический ответ|автоматична відповідь|"
    r"otomatik (?:yan[ıi]t|cevap)|自动回复|自動回覆|自動返信|자동 응답|自动答复|不在)\b)",
    re.IGNORECASE,
)
_LIST_PRECEDENCE = ("list", "bulk")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*/?^_`{|}~.+-][A-Za-z0-9!#$%&'*/=?^_`{|"
    r"}~.+-]{0,63}@(?:[A-Za-z0-9_-]{1,63}\.){1,10}[A-Za-z]{1,24}"
)
# What stands behind this is whom the mail did not reach; before it, whom it was written to.
_MARKER = re.compile(
    r"(?:following|these) (?:e-?mail )?(?:recipients?|address(?:es)?|users?)(?:\(s\))?[^\n]{0,120}:|"
    r"not (?:be )?deliver(?:ed|able) to(?: the following)?:|failed (?:addresses follow|recipients)|"
    r"permanent fatal errors|"
    r"(?:siguientes?|estos?) (?:destinatarios?|direcci[oó]n(?:es)?)[^\n]{0,80}:|"
    r"destinat[aá]rios? (?:a seguir|seguintes?)[^\n]{0,80}:|destinataires? suivants?[^\n]{0,80}:|"
    r"folgende[nr]? empf[aä]nger[^\n]{0,80}:",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:recipient|rcpt to|\bto|user|address|destinatario|para|unknown|deliver\w*|\bfor|"
    r"expanded from)\W{0,10}$"
)
# A question to the sender, not a failure: the mail waits for an answer.
_CHALLENGE = re.compile(
    r"requires? confirmation|not pre-approved|boxbe|guest list|confirm (?:that )?you(?:r| are)|"
    r"challenge[- ]response|whitelist\.aspx",
    re.IGNORECASE,
)

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-:]|$)")


_BARE_LOCAL = re.compile(
    r"(?:following recipients?|following addresses|recipient|"
    r"user)[^\n]{0,300}:[ \t]*\n\s{0,8}([\w.+-]{2,64})[ \t]*(?:\n|$)",
    re.IGNORECASE,
)
_NOT_FAILED = re.compile(r"(?<!expanded )(?<!generated )(?:from|contact)\W{0,4}$")
_ANSWER_SUBJECT = re.compile(r"\s*(?:re|rv|fw|fwd|aw|sv|tr|wg)\s*:", re.IGNORECASE)
_SUCCESS = ("delivered", "relayed", "expanded")


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
    receipt = _is_read_receipt(root, subject)
    bounce = None if receipt else _bounce_of(root, subject, sender, sender_name, text)
    mailing_list = any(
        name in headers for name in ("list-id", "list-post", "list-unsubscribe", "mailing-list")
    )
    automatic = not bounce and _is_auto_reply(headers, subject)
    quiet = bounce is not None or receipt or automatic or mailing_list or _asks_for_silence(headers, sender)
    return Machine(automatic, bounce is not None, mailing_list, receipt, not quiet, bounce)


def _is_read_receipt(root: Part, subject: str) -> bool:
    if root.kind == "multipart/report" and "disposition" in root.parameters.get("report-type", ""):
        # Sieve refuses mail with a receipt that says so (RFC 5429, 2.1): that one is a bounce.
        return "reject" not in subject.lower()
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
    # Vacation programs of the old days say it only by the envelope (RFC 3834, 3.3).
    return _has_empty_path(headers) or bool(_AUTO_SUBJECT.match(subject))


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
        r"(?:no|do-?not|donot|nao|ne)[-_.]?(?:reply|responder|responda|contestar|repondre).*|"
        r".*[-_.](?:no-?reply|noresponder)|.*-(?:bounces?|request|owner)|owner-.*|listserv|majordomo|"
        r"mailman",
        local,
    )
    return not sender or bool(no_reply) or bool(_DAEMON.match(sender))


def _bounce_of(root: Part, subject: str, sender: str, sender_name: str, text: str) -> Bounce | None:
    headers, body = root.headers, text[:MAX_TEXT]
    is_report, report = _read_report(root)
    if is_report and report is None:
        return None
    daemon = _is_daemon(sender, sender_name)
    empty_path = _has_empty_path(headers)
    named = "x-failed-recipients" in headers
    if report is None:
        failed = bool(_FAILURE_SUBJECT.search(subject))
        machine = (
            daemon or empty_path or named or "auto-submitted" in headers or root.kind == "multipart/report"
        )
        points = 2 * daemon + 2 * failed + empty_path + 3 * named
        if not points:
            return None
        # Gateways that sign as anybody still name the recipients in the usual words.
        machine = machine or (failed and bool(_MARKER.search(body)) and not _ANSWER_SUBJECT.match(subject))
        if not machine or points + 2 * bool(_FAILURE_TEXT.search(body)) < 4:
            return None
        report = _report_inside(root)
    if report is None or not report.recipients:
        words = _read_words(root, headers, sender, body)
        report = Bounce(
            words.recipients,
            report.statuses if report else words.statuses,
            words.original_message_id,
            words.diagnostic,
        )
    return None if _CHALLENGE.search(report.diagnostic) else report


def _is_daemon(sender: str, name: str) -> bool:
    return not sender or bool(_DAEMON.match(sender) or _DAEMON_NAME.search(name))


def _has_empty_path(headers: Headers) -> bool:
    path = headers.plain("return-path").replace(" ", "").lower() if "return-path" in headers else ""
    return path == "<>" or path.startswith(("<mailer-daemon>", "<mailer-daemon@"))


def _read_report(root: Part) -> tuple[bool, Bounce | None]:
    """Whether there is a report (RFC 3464), and what it says failed."""
    for part in root.walk():
        if part.kind in ("message/delivery-status", "message/global-delivery-status"):
            return True, _read_status_part(root, part)
    return False, None


def _report_inside(root: Part) -> Bounce | None:
    """The report of a bounce that a gateway wrapped in a mail of its own."""
    for part in root.walk():
        if part.kind == "message/rfc822":
            return _read_report(Splitter(part.content()[: 5 * MAX_TEXT]).split())[1]
    return None


def _read_status_part(root: Part, part: Part) -> Bounce | None:
    content = part.content()[:MAX_TEXT].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    recipients: list[str] = []
    statuses: list[str] = []
    actions: list[str] = []
    diagnostic = ""
    for block in re.split(rb"\n[ \t]*\n", content.strip())[: MAX_RECIPIENTS + 1]:
        fields = Headers(block)
        action = fields.plain("action").lower()
        # The address as we wrote it, when the report kept it; its own spelling otherwise.
        written = [
            _after_type(fields.plain(name))
            for name in ("original-recipient", "final-recipient", "x-actual-recipient")
        ]
        address = next((a for a in written if _ADDRESS.fullmatch(a)), next(filter(None, written), ""))
        if not address:
            continue
        actions.append(action)
        if action in _SUCCESS:
            continue
        recipients.append(normalise_address(address))
        statuses.append(_status_of(fields))
        diagnostic = diagnostic or fields.plain("diagnostic-code")
    if actions and all(action in _SUCCESS for action in actions):
        return None
    return Bounce(_unique(recipients), _unique(statuses), _original_id(root), diagnostic[:1000])


def _status_of(fields: Headers) -> str:
    """The enhanced status; what the other server said where the field says nothing (5.0.0)."""
    status, said = _STATUS.search(fields.plain("status")), _STATUS.search(fields.plain("diagnostic-code"))
    plain = status[1] if status else ""
    return said[1] if said and plain in ("", "5.0.0", "4.0.0") else plain


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
    return clean(found[1].decode("ascii", "replace")) if found else ""


_RETURNED = re.compile(
    r"^[ \t>]*(?:-{2,}.{0,60}(?:original|returned|copy|headers|transcript|unsent|body|follows).{0,60}|"
    r".{0,30}original message.{0,60}|.{0,40}(?:copy of (?:the|your)|headers of the|message header).{0,60}|"
    r"Received: (?:from|by|\(qmail).{0,200}|Return-Path:.{0,200}|Message-ID:.{0,200}|"
    r"Original message headers.{0,40}|Encabezados de mensajes originales.{0,40})$",
    re.IGNORECASE | re.MULTILINE,
)


def _read_words(root: Part, headers: Headers, sender: str, body: str) -> Bounce:
    """A bounce without a report: recipients from headers or from the sentence that failed."""
    said = body
    returned = _RETURNED.search(body, 1)
    if returned and _ADDRESS.search(body, 0, returned.start()):
        said = body[: returned.start()]
    marker = _MARKER.search(said)
    named = " ".join(headers.all_plain("x-failed-recipients"))
    own = {
        normalise_address(found)
        for name in ("to", "delivered-to", "from", "reply-to")
        for value in headers.all_plain(name)
        for found in _ADDRESS.findall(value)
    }
    own.add(sender)
    recipients = (
        [normalise_address(found) for found in _ADDRESS.findall(named)]
        or (_recipients_in(said[marker.end() :], own) if marker else [])
        or _local_part_only(said, sender)
        or _recipients_in(said, own)
        or (_recipients_in(body, own) if said is not body else [])
    )
    statuses = _unique(
        [found[1] for found in _STATUS.finditer(said[marker.end() :] if marker else said)][:20]
    )
    lines = said.split("\n")
    diagnostic = next((line.strip() for line in lines if _CODE.search(line) or _STATUS.search(line)), "")
    return Bounce(_unique(recipients), statuses, _original_id(root), diagnostic[:1000])


def _recipients_in(body: str, own: set[str]) -> list[str]:
    """Addresses of a failure notice: those in a telling place, or else all but our own."""
    strong: list[str] = []
    weak: list[str] = []
    for line in body.split("\n")[:600]:
        for match in _ADDRESS.finditer(line[:1000]):
            written = match[0].strip(".'`")
            address = normalise_address(written[5:] if written[:5].lower() == "smtp=" else written)
            before = line[: match.start()].lower()[-40:]
            if address in own or _DAEMON.match(address) or _NOT_FAILED.search(before):
                continue
            alone = line.strip(" \t<>():;,*.\"'-[]").lower().removeprefix("to: ") == written.lower()
            opens = re.match(r"[ \t*\-<\[\"']*$", line[: match.start()]) is not None
            (strong if alone or opens or _LABEL.search(before) else weak).append(address)
    return strong or weak


def _local_part_only(body: str, sender: str) -> list[str]:
    """AOL and Notes name only the mailbox: its domain is the one that answers."""
    found = _BARE_LOCAL.search(body)
    return [f"{found[1].lower()}@{domain_of(sender)}"] if found and "@" in sender else []


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MAX_RECIPIENTS]
