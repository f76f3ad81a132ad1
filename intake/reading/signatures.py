"""Finds where a signature, a “sent from my phone” line or a disclaimer begins at the end of a text.

Pure and cautious: what could still be the message stays; the whole text is always kept.
"""

from __future__ import annotations

import re

MAX_LINES = 18
# A name, a post, a telephone: lines of a signature are short.
MAX_WIDTH = 75

_DELIMITER = re.compile(r"\s*(?:--|—|––|-- \*?|__|\*\*|_{3,}|-{3,}|—{2,}|={4,}|~{3,})\s*$")
_STRICT_DELIMITER = re.compile(r"\s*(?:-{2,3}|—|––|__+)\s*$")
_DEVICE = re.compile(
    r"\s*\W{0,3}(?:"
    r"sent (?:wirelessly |directly )?(?:from|via|with|by|using) (?:my |the |a |an )?|"
    r"envoy[ée]e? (?:sans fil )?(?:de|depuis|par|à partir de|avec|via) |"
    r"enviad[oa] (?:desde|con|de|do|via|por|através|a través|a partir|pelo|usando|sin cables) |"
    r"mensaje enviado desde |"
    r"(?:von meine[mr]|gesendet (?:von|mit|aus|über)|diese nachricht wurde von mein) |"
    r"(?:verzonden|verstuurd|gestuurd) (?:van(?:af|uit)?|met|via) |inviato da(?:l| )|inviata da|"
    r"skickat fr[åa]n |sendt (?:fra|via|med) |"
    r"lähetetty |l[äa]hetetty |wysłan[eo] z |wysłano |odesl[aá]no z |odoslané z |отправлено (?:с|из|от) |"
    r"надіслано (?:з|із) |"
    r"\w{0,20} ?iphone['’]?umdan gönderildi|(?:.{0,30})?dan gönderildi|trimis de pe |küldve |elküldve |"
    r"poslano |enviat des |bidalita |"
    r"(?:从|從|發自|发自|自).{0,20}(?:发送|傳送|寄出|iPhone|华为|小米)|.{0,20}から送信|.{0,20}에서 보냄|"
    r"gửi từ |đã gửi từ |"
    r"dikirim dari |"
    r"get (?:outlook|bluemail|typeapp)|(?:obtener|obtén|descarga[r]?|télécharger?|téléchargez|obtenez|"
    r"baixar|obter|scarica|ottieni|hämta|hent|holen sie sich|laden sie|pobierz|download) (?:la aplicación |"
    r"o |l['’])?outlook|"
    r"(?:yahoo mail|aol mail)[:,]? (?:stress|en |on |per |pour |sur |para )|"
    r"(?:enviado|sent|mensaje).{0,20}(?:proton ?mail|blackberry)|typed on |écrit sur mon )",
    re.IGNORECASE,
)
_DEVICE_WORDS = re.compile(
    r"iphone|ipad|ipod|android|samsung|galaxy|huawei|xiaomi|redmi|motorola|moto |nokia|lumia|windows|"
    r"outlook|mail\b|blackberry|htc|lg |sony|xperia|"
    r"mobile|móvil|movil|mobil|telemóvel|handy|smartphone|phone|tel[eé]fono|telefoon|celular|device|"
    r"dispositivo|terminal|appareil|tablet|ger[äa]t|"
    r"aka\.ms|yahoo|gmail|spark|mailbird|app|mac\b|wiko|oneplus|pixel|honor|oppo|vivo|realme|zte|alcatel|"
    r"telcel|movistar|at&t|puhelimesta|telefon|телефон|wireless",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"[\s*_\-–—>]*(?:"
    r"(?:(?:best|kind|kindest|warm|warmest|many|with)\s)?(?:regards|wishes)|best|rgds|cheers|"
    r"sincerely(?: yours)?|yours (?:truly|sincerely|faithfully)|"
    r"thanks(?: (?:a lot|again|so much|in advance|and regards|& regards|for your help))?|"
    r"thank you(?: (?:very much|so much|again|in advance))?|many thanks|respectfully|cordially|"
    r"(?:(?:un |reciba[ns]? (?:un )?|le envío (?:un )?)?(?:muy |cordial(?:es)? |afectuosos? |"
    r"mejores )?saludos?(?: cordial(?:es)?| afectuosos?| atentos?| a tod[oa]s)?)|"
    r"(?:muy )?atentamente|atte|at'?te|a t e n t a m e n t e|cordialmente|respetuosamente|afectuosamente|"
    r"(?:muchas |mil |de antemano,? )?gracias(?: (?:de antemano|por (?:su|tu) (?:atención|apoyo|ayuda|"
    r"tiempo|comprensión|pronta respuesta)|y saludos|y (?:excelente|buen) (?:día|tarde)))?|"
    r"quedo (?:a sus órdenes|atent[oa]|al pendiente|a la espera|de usted)[^.]{0,60}|sin (?:más|"
    r"otro) (?:por el momento|particular)[^.]{0,80}|sufragio efectivo[^.]{0,40}|"
    r"(?:que tenga (?:un )?)?(?:excelente|buen|bonito) (?:día|tarde|fin de semana)|un (?:abrazo|"
    r"cordial saludo|saludo)|reciba un cordial saludo|saludos y gracias|"
    r"(?:bien )?cordialement|bien à (?:vous|toi)|sinc[eè]res salutations|salutations(?: distinguées)?|"
    r"meilleures salutations|merci(?: (?:d['’]avance|beaucoup))?|bonne journée|"
    r"mit freundlichen gr[uü](?:ß|ss)en|mit (?:besten|vielen|lieben) gr[uü](?:ß|ss)en|(?:viele|liebe|beste|"
    r"freundliche|sch[öo]ne|herzliche) gr[uü](?:ß|ss)e|mfg|lg|vg|gr[uü](?:ß|ss)e|(?:vielen )?dank|danke|"
    r"(?:met )?vriendelijke groet(?:en)?|groet(?:en|jes)?|hartelijke groet(?:en)?|mvg|bedankt|"
    r"(?:cordiali|distinti|cari) saluti|saluti|cordialmente|grazie(?: mille)?|"
    r"(?:atenciosamente|cumprimentos|(?:com os )?melhores cumprimentos|abraços?|obrigad[oa]|att|grat[oa]|"
    r"respeitosamente|cordiais saudações)|"
    r"(?:med )?v[äa]nliga? h[äa]lsning(?:ar)?|h[äa]lsningar|mvh|(?:med )?(?:venlig|vennlig) hilsen|"
    r"(?:de )?bedste hilsner|hilsen|vh|tack|takk?|"
    r"(?:yst[äa]vällisin )?terveisin|terv|z poważaniem|pozdrawiam|(?:s )?pozdrav(?:em|om)?|s uctou|"
    r"c уважением|с уважением|з повагою|дякую|спасибо|saygılarımla|teşekkürler|"
    r"trân trọng|cảm ơn|此致|敬礼|谢谢|謝謝|よろしくお願いいたします|よろしくお願いします|감사합니다|"
    r"üdvözlettel|cu stimă|cu respect"
    r")[\s,.!;:*_]*",
    re.IGNORECASE,
)
_GREETING = re.compile(r"\W{0,3}(?:buen[oa]?s? (?:d[ií]as?|tardes?))\W{0,3}", re.IGNORECASE)
# A comma and a small letter: a sentence that only begins like the line of a telephone.
_PROSE = re.compile(r", [a-zà-ÿ]|\. [A-Z]\w+ \w+ \w+ \w+")
# As RFC 3676, 4.3 has it, or nearly.
_SURE = re.compile(r"--\s?$")
_POSTSCRIPT = re.compile(
    r"\s*\W?(?:p\.\s?[ds]\.|(?:p\.?\s?[ds]|pos(?:t)?data|postscriptum)\s?[:.\-–])", re.IGNORECASE
)
_DASH_NAME = re.compile(r"\s*[-–—]\s?(?:[^\W\d_][\w.'’]{0,20}\.?)(?: [^\W\d_][\w.'’]{0,20}){0,3}\s*")
# Up to six capitalised words.
_NAME = re.compile(
    r"\s{0,9}\W{0,2}[^\W\d_a-zà-ÿ][\w.'’-]{0,20}(?:,?\s(?:de |del |la |y |e |von |van |da |"
    r"do )?[^\W\d_a-zà-ÿ][\w.'’-]{0,20}){0,5}"
    r"\W{0,2}\s*"
)
# How a disclaimer, or the advertisement of a scanner or a mail provider, begins.
_DISCLAIMER = re.compile(
    r"[\s*_\-–—\"“(\[]*(?:p\s)?(?:aviso (?:legal|de (?:confidencialidad|privacidad)|importante)|"
    r"(?:nota de |cláusula de )?confidencialidad\s*[:.\-–]|"
    r"(?:el contenido de )?(?:este|el presente) (?:mensaje|correo|e-?mail)|"
    r"la información[^.]{0,60}\b(?:est[ea]|presente) (?:mensaje|correo|e-?mail|comunicación|transmisión)|"
    r"(?:this|the information (?:contained )?in this|the contents of this) (?:e-?mail|message|"
    r"communication|transmission)|confidentiality (?:notice|note)|disclaimer\s*[:\-]|"
    r"(?:important|legal) notice|"
    r"(?:esta mensagem|este e-?mail|aviso de confidencialidade)|ce (?:message|courriel|mail)|"
    r"diese (?:e-?mail|nachricht)|le informazioni contenute|questo messaggio|"
    r"antes de imprimir|no imprima este|please consider|considere? el medio|piense en el medio|por favor,? "
    r"considere|cuidemos el medio ambiente|libre de virus|virus-free|el software (?:de )?antivirus|"
    r"(?:yahoo|aol) mail: \w+, |(?:enviado|sent|enviada|envoyé|gesendet) (?:con|with|com|avec|mit) tuta)",
    re.IGNORECASE,
)
# What all of its paragraphs speak of; those below the first may only say what is forbidden.
_LEGAL = re.compile(
    r"confiden[ct]|vertraulich|privilegiad|privileged|reservad|riservat|destinat[aá]ri|destin(?:é|ad|ato|ata)|"
    r"dirig(?:e|id)[^.]{0,40}(?:exclusiv|[uú]nic|s[oó]lo)|recipient|addressee|"
    r"intended (?:only|solely|for the (?:sole|exclusive|use|named))|bestimmt|datos personales|privacidad|"
    r"virus|avast|\bavg\b|ambiente|environment|yahoo|tuta",
    re.IGNORECASE,
)
_ORDERS = re.compile(r"prohib|elim[ií]n|b[oó]rr[ea]|delete|l[öo]schen|supprim|cancell|apag", re.IGNORECASE)
# The author speaks: neither a disclaimer nor a signature says “I”.
_SPOKEN = re.compile(
    # MI and ME are states of an address.
    r"¿|\?(?:\s|$)|\b(?:(?-i:[Mm](?:is?|e|y|inha|eu))|por favor,? (?!considere)|solicit(?:o|ar)|pido|"
    r"quiero|quisiera|necesito)\b",
    re.IGNORECASE,
)
# `Folio: 123`, `Equipo: PC-33`: what a request is about. Other labels lead to the person who signs.
_DATA = re.compile(
    r"^[ *•·–-]{0,4}(?!(?:tel|cel|ext|fax|correo|e-?mail|mail|web|p[aá]gina|sitio|direcci|domicilio|m[oó]vil|"
    r"whats|oficina|conm|phone|mobile|address|skype|twitter|facebook|linkedin)[^:\n]*:)"
    r"[^\W\d][\w .º°]{2,30}:(?!//)[ \t]*\S",
    re.IGNORECASE | re.MULTILINE,
)
_LIST_FOOTER = re.compile(
    r".{0,60}(?:mailing list|lista de (?:correo|distribución))\b.{0,40}|to unsubscribe\b.{0,200}|"
    r"para (?:darte|darse) de baja\b.{0,200}|unsubscribe[: ].{0,200}|"
    r"you received this message because you (?:are|were) subscribed.{0,200}|"
    r"has recibido este mensaje porque.{0,200}|you are receiving this because.{0,200}",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"@|www\.|https?://|\bt[eé]l(?:[eé]fono)?\b|\bext\b|\bcel\b|\bfax\b|"
    r"\+?\(?\d{2,4}\)?[\s.-]\d{3,4}[\s.-]?\d{2,4}|\bm[oó]vil\b|\bmobile\b|\bphone\b",
    re.IGNORECASE,
)


def without_signature(lines: list[str]) -> list[str]:
    """*lines* without what follows the last sentence of the message."""
    lines = _trim(lines)
    for _ in range(4):
        start = _start_of_tail(lines)
        if start is None:
            break
        shorter = _trim(lines[:start])
        if shorter and (postscript := _postscript_in(lines[start:])):
            shorter += ["", *postscript]
        if not shorter:
            # A text that is nothing but a signature is the message.
            break
        lines = shorter
    return lines


def is_device_line(line: str) -> bool:
    """`Enviado desde mi iPhone` and its kin."""
    if len(line) >= 160 or _PROSE.search(line):
        return False
    return bool(_DEVICE.match(line)) and bool(_DEVICE_WORDS.search(line))


def _trim(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def _start_of_tail(lines: list[str]) -> int | None:
    """Index where a signature begins among the last lines; None when there is none."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    tail = filled[-MAX_LINES:]
    for finder in (
        _delimiter_in,
        _disclaimer_in,
        _list_footer_in,
        _device_in,
        _closing_in,
        _dash_name_in,
        _long_rule_in,
        _contact_block_in,
    ):
        start = finder(lines, tail)
        if start is not None and start > 0 and not _is_announced(lines, start):
            return start
    return None


def _postscript_in(tail: list[str]) -> list[str]:
    """What the author added below the signature: `P.D. El plazo vence mañana.`"""
    start = next((i for i, line in enumerate(tail) if _POSTSCRIPT.match(line)), len(tail))
    end = next((i for i in range(start, len(tail)) if not tail[i].strip()), len(tail))
    return tail[start:end]


def _is_announced(lines: list[str], start: int) -> bool:
    """“Mis datos son:” – what that announces is no signature, however it looks."""
    if _SURE.match(lines[start]) or is_device_line(lines[start]):
        return False
    above = next((line for line in reversed(lines[:start]) if line.strip()), "")
    return above.rstrip().endswith((":", "："))


def _delimiter_in(lines: list[str], tail: list[int]) -> int | None:
    for index in tail:
        if index and _STRICT_DELIMITER.match(lines[index]):
            below = [lines[i] for i in tail if i > index]
            if lines[index] in ("-- ", "--"):
                return index
            short = all(len(line) <= MAX_WIDTH for line in below[:12])
            if short and not _is_said(below):
                return index
    return None


def _contact_block_in(lines: list[str], tail: list[int]) -> int | None:
    """A last paragraph of a name and ways to reach it, with nothing above to announce it."""
    start = tail[-1] if tail else 0
    while start > 0 and lines[start - 1].strip():
        start -= 1
    block = lines[start:]
    if (
        start
        and 2 <= len(block) <= 9
        and all(len(line) <= MAX_WIDTH for line in block)
        and _NAME.fullmatch(block[0])
    ):
        return start if sum(bool(_CONTACT.search(line)) for line in block[1:]) >= 2 else None
    return None


def _long_rule_in(lines: list[str], tail: list[int]) -> int | None:
    """A long line of dashes above an address block."""
    for index in tail[1:]:
        if _DELIMITER.match(lines[index]):
            below = [lines[i] for i in tail if i > index]
            short = below and all(len(line) <= MAX_WIDTH for line in below)
            if short and sum(bool(_CONTACT.search(line)) for line in below) >= 2:
                return index
    return None


def _disclaimer_in(lines: list[str], tail: list[int]) -> int | None:
    for index in tail:
        # A paragraph of its own, at the end.
        if (
            index
            and _DISCLAIMER.match(lines[index])
            and (not lines[index - 1].strip() or len(lines[index]) > 80)
            and _is_legal("\n".join(lines[index:]))
        ):
            return index
    return None


def _is_legal(text: str) -> bool:
    """Whether every paragraph of *text* that holds a sentence is one of a disclaimer."""
    pieces = [piece for piece in re.split(r"\n\s*\n", text) if len(piece) > MAX_WIDTH or piece[-1:] in ".!"]
    if _SPOKEN.search(text) or not _LEGAL.search(pieces[0] if pieces else text):
        return False
    return all(_LEGAL.search(piece) or _ORDERS.search(piece) for piece in pieces)


def _list_footer_in(lines: list[str], tail: list[int]) -> int | None:
    for index in tail[-6:]:
        if (
            index
            and (_DELIMITER.match(lines[index]))
            and any(_LIST_FOOTER.match(lines[i].strip()) for i in tail if i > index)
        ):
            return index
    return None


def _device_in(lines: list[str], tail: list[int]) -> int | None:
    for index in tail[-4:]:
        if is_device_line(lines[index]):
            return index
    return None


def _closing_in(lines: list[str], tail: list[int]) -> int | None:
    for index in tail[-12:]:
        if index and _CLOSING.fullmatch(lines[index][:120]) and not _opens(lines, index):
            below = [lines[i] for i in tail if i > index]
            # “Gracias, Ana” is how the message ends; a post and a telephone below it are a signature.
            is_block = len(below) > 2 or any(_CONTACT.search(line) for line in below)
            short = all(len(line) <= MAX_WIDTH for line in below)
            if is_block and short and not _is_said(below):
                return index
    return None


def _is_said(lines: list[str]) -> bool:
    """Whether a person speaks in *lines*, or gives the data of a request."""
    text = "\n".join(lines)
    return bool(_SPOKEN.search(text) or _DATA.search(text))


def _opens(lines: list[str], index: int) -> bool:
    """“Lic. Ruiz: / Buen día.” is how a message begins."""
    return bool(_GREETING.fullmatch(lines[index])) and sum(bool(line.strip()) for line in lines[:index]) < 2


def _dash_name_in(lines: list[str], tail: list[int]) -> int | None:
    if len(tail) < 2 or not _DASH_NAME.fullmatch(lines[tail[-1]]):
        return None
    # A list of one-word items is no signature.
    return None if lines[tail[-2]].strip().startswith(("-", "–", "—", "*")) else tail[-1]
