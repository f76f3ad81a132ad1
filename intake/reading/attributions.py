"""The words mail programs put above what they quote, in the languages people write to us.

Pure tables and predicates: “El lun, Ana <a@b> escribió:”, the From/Sent/To block,
“Mensaje original”, “Mensaje reenviado”. Every pattern is linear in the line.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_LINE = 1_000


def _words(text: str) -> str:
    return "|".join(re.escape(word.strip()) for word in text.split(",") if word.strip())


_VERBS = (
    "wrote,writes,sent,has written,said,"  # English
    # Spanish, Catalan
    "escribió,escribio,escribiste,ha escrito,escribía,envió,escrigué,escriguí,va escriure,ha escrit,"
    "escribiu,idatzi du,escreveu,escrevia,enviou,"  # Galician, Basque, Portuguese
    "a écrit,a ecrit,écrivait,écrit,écrivit,a envoyé,"  # French
    "schrieb,schreibt,geschrieben,hat geschrieben,"  # German
    "ha scritto,scrisse,scrive,scritto,"  # Italian
    "schreef,geschreven,heeft geschreven,het volgende geschreven,"  # Dutch
    "skrev,skrev følgende,har skrevet,kirjoitti,kirjutas,skrifaði,"  # Nordic, Estonian
    # pl, cs, sk
    "napisał,napisała,napisał(a),pisze,pisał,napsal,napsala,napsal(a),napísal,napísala,napísal(a),"
    # hr, sl, lt, lv
    "napisao,napisala,napisao/la,piše,je napisal,je napisao,je napisao/la,rašė,parašė,rakstīja,"
    "írta,ezt írta,a scris,scris,έγραψε,написал,написала,написал(а),пишет,писал,писала,"  # hu, ro, el, ru
    "написав,написала,пише,написа,яздъ,пісаў,yazdı,şunu yazdı,şunları yazdı,yazmış,"  # uk, bg, be, tr
    "đã viết,viết,menulis,menulis yang berikut,sumulat,"  # vi, id
    "写道,寫道,写到,来信,于,wrote,書き込みました,書きました,のメッセージ,さんは書きました,"  # zh, ja
    # ko, he, ar, fa, hi, th
    "님이 작성,작성,썼습니다,작성했습니다,님이 씀,כתב,כתבה,בתאריך,كتب,كتبت,تمت كتابة ما يلي,نوشت,ने लिखा,"
    "เขียน,เขียนว่า,missatge de,idatzi zuen,쓴 글,isinulat ni,wiadomość napisana przez"
)
_WROTE = _words(_VERBS)
_WROTE_ENDINGS = tuple(sorted({word.strip() for word in _VERBS.split(",") if word.strip()}))
# What may stand behind the verb: a colon, `(a)`, the dashes of a framed line.
_AFTER_VERB = ' \t\u00a0:：…-–—"“”*_'
# Around a line written from right to left stand marks that nobody sees (Unicode, UAX 9).
_AROUND = " \t\u00a0\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_WROTE_ANYWHERE = re.compile(r"(?:\b|(?<=[^\x00-\u02ff]))(?:" + _WROTE + r")(?:\b|(?=[:：]))", re.IGNORECASE)
_COLON_END = re.compile(r"[:：]\s*[*_]?$")

_MONTHS = _words(
    "jan,ene,feb,fév,fev,mar,mär,mrz,apr,abr,avr,mai,may,maj,mei,mag,jun,jui,giu,jul,lug,aug,ago,aoû,août,"
    "sep,set,"
    "oct,okt,ott,out,nov,dec,dic,dez,déc,des,янв,фев,мар,апр,мая,май,июн,июл,авг,сен,окт,ноя,дек,січ,лют,"
    "бер,кві,"
    "тра,чер,лип,сер,вер,жов,лис,гру,sty,lut,kwi,cze,lip,sie,wrz,paź,lis,gru,led,úno,bře,dub,kvě,čer,srp,"
    "zář,říj,pro,"
    "oca,şub,nis,haz,tem,ağu,eyl,eki,kas,ara,tammi,helmi,maalis,huhti,touko,kesä,heinä,elo,syys,loka,"
    "marras,joulu,"
    "tháng"
)
_DAYS = _words(
    "mon,tue,wed,thu,fri,sat,sun,lun,mar,mié,mie,jue,vie,sáb,sab,dom,seg,ter,qua,qui,sex,mer,jeu,ven,sam,dim,"
    "mo,di,mi,do,fr,sa,so,gio,ma,wo,vr,za,zo,mån,tis,ons,tor,fre,lör,sön,man,tir,lør,søn,pon,wto,śro,czw,pt,"
    "sob,nie,po,út,st,čt,pá,so,ne,понед,вторн,сред,четв,пятн,субб,воскр,пн,вт,ср,чт,пт,сб,вс,нд,pzt,sal,"
    "çar,per,cum,cmt,paz,ke,pe,la,su,ti,to"
)
_TIME = r"\d{1,2}\s?[:.hH]\s?\d{2}"
_DATE = re.compile(
    rf"(?<!\d)(?:19|20)\d\d(?!\d)|\d{{1,4}}[/.\-]\d{{1,2}}[/.\-]\d{{1,4}}|(?<!\d){_TIME}(?!\d)|\d\s?[年月日년월일]|"
    rf"\b\d{{1,2}}(?:º|\.)?\s?(?:de\s)?(?:{_MONTHS})|\b(?:{_MONTHS})\w{{0,8}}\.?\s\d{{1,2}}\b",
    re.IGNORECASE,
)
_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_DIGIT = re.compile(r"\d")
_CLOCK = re.compile(rf"(?<!\d){_TIME}(?!\d)|[上下]午|오[전후]", re.IGNORECASE)
# “a las 10:11, el director escribió”, “Juan me escribió”: told by an author; programs write only a name.
_TOLD = re.compile(
    rf"{_TIME}(?:\s(?:horas|hrs?\.?|[ap]\.?\s?m\.?))?,?\s(?:el|la|los|las|un|una|mi|su|me|nos|se|the|my|o|meu)\s|"
    r"\s(?:me|nos|les?)\s(?:escrib|envi|ha escrit)"
)
_ADDRESS = re.compile(r"[^\s<>\"(),;:\[\]]@[^\s<>\"(),;:]{2,}|<?mailto:", re.IGNORECASE)

# Words that open an attribution, before its date.
_OPENER = _words(
    "on,el,em,le,am,il,op,den,d.,dne,dňa,dnia,w dniu,på,pe,la,в,у,на,vào,tarihinde,a las,at,ngày,pada,stö,"
    "στις,hi,il giorno,el día,el dia,no dia,da,de,mensaje del,la data de,în,kl,en,o,às,ás"
)
_STARTS = re.compile(
    rf"[\s*_>\-]*(?:(?:{_OPENER})\s+(?:(?:{_DAYS})\w{{0,11}}[.,]{{0,2}}\s|\d|(?:{_MONTHS})\w{{0,9}}\.?\s|"
    rf"\w+,?\s+\d)"
    rf"|(?:{_DAYS})\w{{0,11}}[.,]*\s*(?:den\s|the\s|el\s|kl\.?\s)?(?:\d|(?:{_MONTHS}))"
    r"|\d{1,4}[/.\-年]\s?\d{1,2}[/.\-月]\s?\d{1,4}|\d{1,2}:\d{2}\s?(?:[AaPp]\.?\s?[Mm]\.?)?,|(?:Quoting|"
    r"Citando|Zitat von|Citát)\s"
    rf"|\d{{1,2}}\.?\s(?:de\s)?(?:{_MONTHS})\w{{0,9}}\.?,?\s(?:de\s)?(?:\d{{4}}|kl)"
    rf"|(?:{_MONTHS})\w{{0,9}}\.?\s\d{{1,2}},\s\d{{4}},)",
    re.IGNORECASE,
)
_INLINE_START = re.compile(
    rf"(?:-{{2,}}\s*|\b)(?:On|El|Em|Le|Am|Il|Op|Den|Pe|W dniu)\s(?=(?:(?i:{_DAYS})\w{{0,11}}[.,]{{0,2}}\s|"
    rf"\d).{{4,300}}$)"
)
_DASHED = re.compile(r"\s*-{2,}\s?.{1,200}[^-]-{2,}\s*$")
_QUOTING = re.compile(
    r"\s*(?:Quoting|Citando a|Citando|Zitat von|Citaat van|Citation de)\s.{2,200}:\s*$", re.IGNORECASE
)

_LABELS = {
    "from": "from,de,von,da,van,från,fra,lähettäjä,od,от,від,kimden,gönderen,kimdən,发件人,發件人,寄件者,"
    "寄件人,"
    "差出人,from name,보낸 사람,보낸사람,từ,người gửi,feladó,de la,expeditor,από,de parte de,remitente,"
    "expéditeur,"
    "absender,"
    "mittente,remetente,afzender,pošiljatelj,מאת,من,จาก,dari,von:,no,saatja,siuntėjas,nuo",
    "sent": "sent,enviado,enviado el,enviada em,enviado em,enviada,envoyé,envoyé le,date d'envoi,gesendet,"
    "inviato,"
    "verzonden,verstuurd,skickat,sendt,lähetetty,wysłano,wysłane,odesláno,odoslané,отправлено,надіслано,"
    "gönderildi,gönderilme,"
    "发送时间,發送時間,寄件日期,送信日時,送信日,보낸 날짜,보낸날짜,đã gửi,elküldve,trimis,στάλθηκε,"
    "message du,poslano,"
    "enviat,enviat el,enviado a,נשלח,إرسال,dikirim,gesendet am,data wysłania,tarix",
    "date": "date,fecha,data,datum,dato,päiväys,päivämäärä,pvm,дата,tarih,日期,日付,날짜,ngày,dátum,"
    "ημερομηνία,datums,kuupäev,"
    "data e hora,date et heure,fecha y hora,תאריך,تاريخ,วันที่,tanggal",
    "to": "to,para,per a,a,à,an,aan,till,til,vastaanottaja,do,komu,pro,кому,kime,kimə,alıcı,收件人,宛先,"
    "받는 사람,받는사람,tới,đến,"
    "címzett,către,catre,προς,destinatario,destinataire,empfänger,za,אל,إلى,ถึง,kepada",
    "subject": "subject,asunto,assunto,objet,sujet,betreff,oggetto,onderwerp,ämne,emne,aihe,temat,předmět,"
    "predmet,тема,konu,"
    "主题,主題,主旨,件名,제목,chủ đề,tiêu đề,tárgy,subiect,θέμα,assumpte,gaia,mövzu,zadeva,teema,נושא,"
    "الموضوع,เรื่อง,"
    "perihal,subjek",
    "cc": "cc,copia,con copia,copia a,copie à,copie,kopie,kopia,kopi,kopio,копия,копія,抄送,副本,참조,"
    "másolat,cópia,c.c.,"
    "bcc,cco,reply-to,responder a,répondre à,antwort an,responder para,importance,importancia,priority,"
    "prioridad,"
    "attachments,adjuntos,datos adjuntos,anexos,pièces jointes,anlagen,bijlagen,allegati,organization,sujeto",
}
_KIND_OF_LABEL = {word.strip(): kind for kind, words in _LABELS.items() for word in words.split(",")}
_LABEL = re.compile(
    r"[\s*_>|]*([^\d\W_][^:：@<>]{0,24}?)\s{0,9}[*_]{0,4}\s{0,9}[:：]\s{0,9}[*_]{0,4}(.*)$", re.DOTALL
)

_ORIGINAL = _words(
    "original message,original-message,mensaje original,mensagem original,message original,"
    "message d'origine,ursprüngliche nachricht,"
    "original-nachricht,originalnachricht,original nachricht,urspr. nachricht,messaggio originale,"
    "oorspronkelijk bericht,"
    "originele bericht,ursprungligt meddelande,originalmeddelande,oprindelig meddelelse,"
    "original meddelelse,opprinnelig melding,"
    "alkuperäinen viesti,oryginalna wiadomość,wiadomość oryginalna,původní zpráva,pôvodná správa,"
    "исходное сообщение,"
    "оригинальное сообщение,початкове повідомлення,orijinal mesaj,özgün ileti,原始邮件,原始郵件,原邮件,"
    "original mail,"
    "original email,"
    "元のメッセージ,원본 메시지,원본 메일,원본메시지,tin nhắn gốc,thư gốc,eredeti üzenet,mesaj original,"
    "αρχικό μήνυμα,"
    "missatge original,"
    "originalan poruka,izvorna poruka,reply message,reply to message,mensaje anterior,mensaje citado,"
    "in reply to,original appointment,"
    "cita original,reply above this line,escriba su respuesta arriba,respond above this line,"
    "responda por encima de esta línea,type your reply above this line,"
    "escriba su respuesta por encima de esta línea"
)
_FORWARDED = _words(
    "forwarded message,begin forwarded message,forwarded by,forwarded mail,mensaje reenviado,"
    "inicio del mensaje reenviado,"
    "reenviado por,mensagem encaminhada,mensagem reencaminhada,início da mensagem reencaminhada,"
    "início da mensagem encaminhada,"
    "encaminhada por,message transféré,message réexpédié,"
    "début du message transféré,début du message réexpédié,transféré par,weitergeleitete nachricht,"
    "anfang der weitergeleiteten nachricht,beginn der weitergeleiteten nachricht,messaggio inoltrato,"
    "inizio messaggio inoltrato,"
    "doorgestuurd bericht,begin doorgestuurd bericht,vidarebefordrat meddelande,vidarebefordrat brev,"
    "videresendt meddelelse,"
    "videresendt melding,videresendt besked,välitetty viesti,przekazana wiadomość,wiadomość przekazana,"
    "přeposlaná zpráva,"
    "preposlaná správa,пересланное сообщение,пересылаемое сообщение,начало переадресованного сообщения,"
    "переслане повідомлення,"
    "iletilen mesaj,yönlendirilmiş ileti,yönlendirilen ileti,转发的邮件,轉寄的郵件,转发邮件,已轉寄的郵件,"
    "転送メッセージ,転送された"
    "メッセージ,전달된 메시지,전달된 이메일,chuyển tiếp,tin nhắn được chuyển tiếp,továbbított üzenet,"
    "mesaj redirecționat,"
    "προωθημένο μήνυμα,"
    "missatge reenviat,proslijeđena poruka"
)
_ORIGINAL_TITLE = re.compile(rf"(?:(?:please|por favor),?\s)?(?:{_ORIGINAL})", re.IGNORECASE)
_FORWARDED_TITLE = re.compile(rf"(?:{_FORWARDED})(?:\s[^\n]{{0,120}})?", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_TITLE_EDGE = " \t>-_=*~#|—–"
_TITLE_END = _TITLE_EDGE + ":："
_FRAME = "-_=—–#"
# What a title between dashes never holds.
_NO_TITLE = re.compile(r"[\d@<>:_=]")
_MESSAGE_WORD = re.compile(
    r"\b(?:message|mensaje|mensagem|missatge|mezua|mensaxe|nachricht|messaggio|bericht|meddelande|"
    r"meddelelse|besked|melding|viesti|wiadomo[sś][cć]|zpr[aá]va|"
    r"spr[aá]va|poruka|sporočilo|сообщение|письмо|повідомлення|лист|съобщение|mesaj|ileti|mail|e-?mail|"
    r"correo|courriel|üzenet|levél|mesajul|μήνυμα|kiri|sõnum|laiškas|ziņojums)\b|"
    r"邮件|郵件|消息|メッセージ|메시지|메일|thư|tin nhắn|הודעה|رسالة|ข้อความ|pesan",
    re.IGNORECASE,
)
_FORWARD_WORD = re.compile(
    r"forward|reenvi|encamin|reencam|transf[eé]r|réexp|weitergel|inoltr|doorgest|doorst|vidarebef|"
    r"videresen|välit|przekaz|p[rř]epos|prepos|пересл|пересыл|переадр|ilet[ie]|yönlen|"
    r"转发|轉寄|轉發|転送|전달|chuyển|továb|redirec|προωθ|proslij",
    re.IGNORECASE,
)
_RULE = set("-_=*~—– \t>")
_FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|rv|tr|wg|enc|rif|inoltra|doorst|vb|vs|vl|fs|pd|i|továbbítás|ilt|转发|"
    r"轉寄|전달|転送)\s*(?:\[\d+\])?[:：]",
    re.IGNORECASE,
)


def is_attribution(text: str, before_quote: bool, alone: bool = False) -> bool:
    """Whether *text* (joined lines) is the sentence above a quote: who wrote, when.

    With a quoted line right below, less evidence is asked for; with a paragraph of
    its own below other text, a date without a time is enough.
    """
    text = text[:MAX_LINE].strip(_AROUND)
    if _QUOTING.match(text):
        return True
    if _TOLD.search(text):
        return False
    wrote_last = _ends_in_wrote(text)
    dated = bool(_DIGIT.search(text) and _DATE.search(text))
    addressed = bool(_ADDRESS.search(text))
    if wrote_last:
        if _DASHED.match(text) or (dated and addressed):
            return True
        colon = text.rstrip('"“-— ').endswith((":", "：", "…"))
        if before_quote:
            return dated or addressed or (colon and len(text) < 120)
        timed = dated and (bool(_CLOCK.search(text)) or (alone and colon))
        return (timed and (bool(_STARTS.match(text)) or bool(_CJK.search(text)))) or (addressed and colon)
    if not dated:
        return False
    if text.endswith((":", "：")) and (addressed or (before_quote and _CLOCK.search(text))):
        # `30.09.2017, 18.30, "Ana" <a@b>:`, a verb followed by more words, or one that nobody taught us.
        return bool(_STARTS.match(text)) or bool(_WROTE_ANYWHERE.search(text)) or before_quote
    if before_quote and (addressed or _WROTE_ANYWHERE.search(text)):
        # Old Gmail: `2011/4/7 Ana <a@b>`, without a verb or a colon.
        return bool(_STARTS.match(text))
    return (
        bool(_STARTS.match(text))
        and bool(_WROTE_ANYWHERE.search(text))
        and bool(_COLON_END.search(text))
        and bool(_CLOCK.search(text))
    )


@lru_cache(maxsize=256)
def _ends_in_wrote(text: str) -> bool:
    """Whether *text* ends in one of the verbs, as a whole word."""
    tail = text[-60:].rstrip(_AFTER_VERB).removesuffix("(a)").removesuffix("[a]").rstrip().lower()
    if not tail.endswith(_WROTE_ENDINGS):
        return False
    # Chinese, Japanese and Korean put no space before the verb.
    return any(
        tail.endswith(verb)
        and (verb > "\u2fff" or not (before := tail[: -len(verb)][-1:]).isalnum() or before > "\u02ff")
        for verb in _WROTE_ENDINGS
    )


def has_evidence(text: str) -> bool:
    """Whether *text* holds a date or an address."""
    return bool(_DATE.search(text[:MAX_LINE]) or _ADDRESS.search(text[:MAX_LINE]))


def starts_attribution(line: str) -> bool:
    """Whether an attribution may begin with this line (its date comes first)."""
    return bool(_STARTS.match(line[:MAX_LINE]))


def may_end_attribution(line: str) -> bool:
    """Cheap test that lets most lines pass by: it ends in a colon, in “wrote”, in an address or dashes."""
    line = line.rstrip(_AROUND)
    if not line or len(line) > MAX_LINE:
        return False
    return line[-1] in ':：>-…"“)' or _ends_in_wrote(line)


def find_inline_attribution(line: str) -> int:
    """Where an attribution begins in the middle of *line* (`gracias On Wed, … wrote:`), or -1."""
    if len(line) > MAX_LINE or not _ends_in_wrote(line):
        return -1
    for match in _INLINE_START.finditer(line):
        if match.start() > 0 and is_attribution(line[match.start() :].lstrip("- "), False):
            return match.start()
    return -1


def header_label(line: str) -> tuple[str, str]:
    """(kind, value) of a line of a quoted header block (`De: …` → `from`); kind is empty for other lines."""
    match = _LABEL.match(line[:MAX_LINE]) if ":" in line or "：" in line else None
    if not match:
        return "", ""
    label = match[1].strip(" *_\u00a0").lower()
    return _KIND_OF_LABEL.get(label, ""), match[2].strip(" *_")


def title_of(line: str) -> str:
    """`original` for `-----Mensaje original-----` and its kin, `forwarded` for `--- Mensaje reenviado ---`.

    `message` for any other title between dashes with a word for it: `-------- Oprindelig besked --------`.
    """
    if len(line) > 200 or not _LETTER.search(line):
        return ""
    if line[0] not in _TITLE_EDGE and line[-1] not in _TITLE_END:
        # Neither dashes around it nor a colon behind it: prose.
        return ""
    core = line.strip(_TITLE_EDGE)
    left, _, right = line.partition(core)
    bare = core.rstrip(" :：")
    if _is_frame(left) and _is_frame(right) and len(core) <= 52:
        if not _NO_TITLE.search(core) and _MESSAGE_WORD.search(core):
            kind = "forwarded" if _FORWARD_WORD.search(core) else "message"
            return "original" if _ORIGINAL_TITLE.fullmatch(bare) else kind
    elif bare == core and not _is_frame(left):
        return ""
    if _FORWARDED_TITLE.fullmatch(bare):
        return "forwarded"
    return "original" if _ORIGINAL_TITLE.fullmatch(bare) else ""


def is_heading(line: str) -> bool:
    """What may stand between the text and a quoted header block: a drawn line, a bare `Mensaje original`."""
    core = line.strip(_TITLE_EDGE).rstrip(" :：")
    return is_rule_line(line) or core == "Original" or bool(_ORIGINAL_TITLE.fullmatch(core))


def _is_frame(edge: str) -> bool:
    return len(edge) >= 3 and sum(edge.count(mark) for mark in _FRAME) >= 3


def is_rule_line(line: str) -> bool:
    """A line of dashes, underscores or the like."""
    return 3 <= len(line) < 300 and _RULE.issuperset(line) and sum(mark not in " \t>" for mark in line) >= 3


def is_forward_subject(subject: str) -> bool:
    """`RV:`, `Fwd:`, `WG:` …"""
    return bool(_FORWARD_SUBJECT.match(subject))


def has_address(text: str) -> bool:
    return bool(_ADDRESS.search(text[:MAX_LINE]))


def has_clock(text: str) -> bool:
    return bool(_CLOCK.search(text[:MAX_LINE]))
