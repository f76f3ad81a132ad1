"""What is new in a mail is found in every language and program people write to us with."""

from __future__ import annotations

import pytest

from intake.quotes import reply_of, reply_of_text
from intake.reading.htmltext import read_html
from intake.reading.interleaved import colour_of

NEW = "Mi respuesta nueva."

ATTRIBUTIONS = """\
El lun, 12 ene 2026 a las 8:00, Juan Pérez (<j@x.mx>) escribió:
El lun., 12 de ene. de 2026 8:00 a. m., Juan Pérez <j@x.mx> escribió:
El lunes, 12 de enero de 2026, 08:00:00 a. m. CST, Juan <j@x.mx> escribió:
El 12/01/26 a las 8:00, Juan Pérez escribió:
Juan Pérez <j@x.mx> escribió (lun., 12 ene 2026 08:00):
---- El lun, 12 ene 2026 08:00:00 -0600 Juan <j@x.mx> escribió ----
Citando Juan Pérez <j@x.mx>:
El dl., 12 de gen. 2026, 8:00, Jordi <j@x.cat> va escriure:
Missatge de Jordi <j@x.cat> del dia dl., 12 de gen. 2026 a les 8:00:
O 12/01/26 ás 8:00, Xan escribiu:
Às 08:00 de 12/01/2026, João escreveu:
En lunes, 12 de enero de 2026 8:00:12 CST, Juan Pérez escribió:
Jan 12, 2026, 08:00 by j@x.us:
Понедельник, 12 января 2026, 8:00 +03:00 от Иван <i@x.ru>:
Em seg., 12 de jan. de 2026 às 08:00, João <j@x.br> escreveu:
Em segunda-feira, 12 de janeiro de 2026 08:00:00 BRT, João <j@x.br> escreveu:
On Mon, Jan 12, 2026 at 8:00 AM John <j@x.us> wrote:
On 1/12/26 8:00 AM, John wrote:
Quoting John <j@x.us>:
Am Mo., 12. Jan. 2026 um 08:00 Uhr schrieb Hans Muster <hans@x.de>:
Am 12.01.26 um 08:00 schrieb Hans Muster:
Le lun. 12 janv. 2026 à 08:00, Jean Dupont <jean@x.fr> a écrit :
Il giorno lun 12 gen 2026 alle ore 08:00 Mario Rossi <m@x.it> ha scritto:
Op ma 12 jan. 2026 om 08:00 schreef Jan Jansen <jan@x.nl>:
Den mån 12 jan. 2026 kl 08:00 skrev Sven <sven@x.se>:
Den man. 12. jan. 2026 kl. 08.00 skrev Lars <lars@x.dk>:
man. 12. jan. 2026 kl. 08:00 skrev Ola Nordmann <ola@x.no>:
ma 12. tammik. 2026 klo 8.00 Matti (matti@x.fi) kirjoitti:
pon., 12 sty 2026 o 08:00 Jan Kowalski <jan@x.pl> napisał(a):
W dniu 12.01.2026 o 08:00, Jan Kowalski pisze:
po 12. 1. 2026 v 8:00 odesílatel Jan Novák <jan@x.cz> napsal:
пн, 12 янв. 2026 г. в 08:00, Иван Иванов <ivan@x.ru>:
пн, 12 січ. 2026 р. о 08:00 Іван <ivan@x.ua> пише:
12 Oca 2026 Pzt 08:00 tarihinde Ahmet <ahmet@x.tr> şunu yazdı:
张三 <z@x.cn> 于2026年1月12日周一 08:00写道：
2026年1月12日(月) 8:00 山田太郎 <y@x.jp>:
2026년 1월 12일 (월) 오전 8:00, 홍길동 <h@x.kr>님이 작성:
2026-01-12 오전 8:00에 홍길동이(가) 쓴 글:
Wiadomość napisana przez Jan <j@x.pl> w dniu 12 sty 2026, o godz. 08:00:
Vào Th 2, 12 thg 1, 2026 vào lúc 08:00 Nguyễn A <a@x.vn> đã viết:
În lun., 12 ian. 2026 la 08:00, Ion <i@x.ro> a scris:
Ion <i@x.hu> ezt írta (időpont: 2026. jan. 12., H, 8:00):
Στις Δευ 12 Ιαν 2026 στις 8:00 π.μ., ο χρήστης A <a@x.gr> έγραψε:""".splitlines()

HEADER_BLOCKS = """\
De: Juan Pérez|Enviado: lunes, 12 de enero de 2026 08:00 a. m.|Para: Ana|Cc: B|Asunto: x
De: "Juan" <j@x.mx>|Para: "Ana" <a@x.mx>|Enviados: Lunes, 12 de Enero 2026 8:00:00|Asunto: x
*De:* Juan [mailto:j@x.mx]|*Enviado el:* lunes, 12 de enero de 2026 08:00|*Para:* Ana|*Asunto:* x
From: John|Sent: Monday, January 12, 2026 8:00:00 AM|To: Ana|Subject: x
De: João <j@x.br>|Enviada em: segunda-feira, 12 de janeiro de 2026 08:00|Para: Ana|Assunto: x
Von: Hans <h@x.de>|Gesendet: Montag, 12. Januar 2026 08:00|An: Ana|Betreff: x
De : Jean <j@x.fr>|Envoyé : lundi 12 janvier 2026 08:00|À : Ana|Objet : x
Da: Mario <m@x.it>|Inviato: lunedì 12 gennaio 2026 08:00|A: Ana|Oggetto: x
Van: Jan <j@x.nl>|Verzonden: maandag 12 januari 2026 08:00|Aan: Ana|Onderwerp: x
Från: Sven <s@x.se>|Skickat: den 12 januari 2026 08:00|Till: Ana|Ämne: x
Fra: Lars <l@x.dk>|Sendt: 12. januar 2026 08:00|Til: Ana|Emne: x
Lähettäjä: Matti <m@x.fi>|Lähetetty: maanantai 12. tammikuuta 2026 8.00|Vastaanottaja: Ana|Aihe: x
Od: Jan <j@x.pl>|Wysłano: poniedziałek, 12 stycznia 2026 08:00|Do: Ana|Temat: x
От: Иван <i@x.ru>|Отправлено: 12 января 2026 г. 8:00|Кому: Ana|Тема: x
发件人: 张三 <z@x.cn>|发送时间: 2026年1月12日 8:00|收件人: Ana|主题: x
보낸 사람: 홍 <h@x.kr>|보낸 날짜: 2026년 1월 12일 월요일 오전 8:00|받는 사람: Ana|제목: x""".splitlines()

SIGNATURES = [
    "Saludos cordiales,\nAna Ruiz\nDirectora de Obras\nTel. 33 1234 5678",
    "Atte.\nC. Juan Pérez\nTel. 3312345678",
    "-- \nAna\nwww.x.mx",
    "Enviado desde mi iPhone",
    "Enviado desde mi Samsung Mobile de Telcel",
    "Enviado desde Correo para Windows",
    "Enviado desde Yahoo Mail para iPhone",
    "Obtener Outlook para Android<https://aka.ms/AAb9ysg>",
    "Sin más por el momento, reciba un cordial saludo.\n\nA T E N T A M E N T E\n\nLIC. ANA RUIZ\nDIRECTORA",
    "Este mensaje y sus adjuntos son confidenciales y están dirigidos exclusivamente a su destinatario.",
    "Libre de virus.www.avast.com",
    "Yahoo Mail: busca, organiza, conquista",
    "Considere el medio ambiente antes de imprimir este correo.",
    "La información contenida en este correo es confidencial.\n\nSi la recibió por error, elimínela.",
    "________________________________________\nAna Ruiz | Directora\nana@x.mx | 33 1234 5678",
    "_______________________________________________\nVecinos mailing list\nvecinos@listas.mx",
]

NOT_QUOTES = [
    "Hola:\n\nEl lunes 12 de enero de 2026 a las 10:00 acudí y me dijeron:\n\nregrese mañana.\n\n¿Qué hago?",
    "Como escribió Octavio Paz:\n\nLa libertad no necesita alas.\n\nSaludo.",
    "El 5 de mayo de 2025 el director escribió:\nno procede.\nSolicito revisión.",
    "Datos:\nNombre: Ana\nFecha: 12/01/2026 10:00\nPara: trámite de licencia\nAsunto: licencia",
    "PARA: Lic. Juan\nDE: Arq. Ana\nASUNTO: Reporte\n\nSe remite el reporte.",
    "Gracias.",
    "Solicito apoyo.\n\nSaludos cordiales,\nAna Ruiz",
    "Gracias por su atención a mi solicitud anterior, pero sigo sin agua.",
    "Enviado desde mi casa les pido ayuda, por favor.",
    "Adjunto lista:\n- uno\n- dos\n- tres",
    ">>> >>> http://www.municipio.gob.mx <<<\nVea la liga.",
    "Hola.\n\nEste email es para pedir una cita.\n\nGracias.",
    "Hola.\n\nLes pido que cuiden el medio ambiente y limpien la barranca.",
    "Hola.\n\nEste mensaje es confidencial, les pido discreción.\n\nMi jefe cobra por cada turno.",
    "¿Me mandan el formato?\n\nGracias\n\nMi teléfono es 33 1234 5678",
    "No puedo entrar.\nGracias\n\nUsuario: aruiz\nEquipo: PC-33\nExtensión: 4455",
    "Hola\nBuen día\n\nSe solicita tóner\nÁrea: Caja\nExt. 4455",
    "Anexo los datos.\n\n---\nCalle: Hidalgo 45\nColonia: Centro",
    "Solicito vehículo.\n\nDe: Tala, Jal.\nPara: Tepic, Nay.\nFecha: 15/01/2026\nHora: 10:00",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("quoted", ["> cita uno\n> cita dos", "cita uno\n\ncita dos"], ids=["marked", "bare"])
def test_what_stands_below_an_attribution_is_not_new(attribution: str, quoted: str) -> None:
    assert reply_of_text(f"{NEW}\n\n{attribution}\n\n{quoted}\n").text == NEW


@pytest.mark.parametrize("block", HEADER_BLOCKS)
@pytest.mark.parametrize("rule", ["", "_" * 32 + "\n"], ids=["bare", "ruled"])
def test_what_stands_below_a_header_block_is_not_new(block: str, rule: str) -> None:
    text = f"{NEW}\n\n{rule}{block.replace('|', chr(10))}\n\ncuerpo citado\n"
    assert reply_of_text(text).text == NEW


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_not_new(signature: str) -> None:
    assert reply_of_text(f"Solicito apoyo.\n\n{signature}\n").text == "Solicito apoyo."


@pytest.mark.parametrize("text", NOT_QUOTES)
def test_text_that_only_resembles_a_quote_stays_whole(text: str) -> None:
    assert reply_of_text(text).text == text


def test_an_answer_between_quotes_keeps_them() -> None:
    text = "> ¿Dónde?\nEn Hidalgo 45.\n> ¿Desde cuándo?\nDesde diciembre."
    assert reply_of_text(text).text == text


def test_an_answer_below_one_quote_stands_alone() -> None:
    assert reply_of_text("> ¿Dónde?\n\nEn Hidalgo 45.").text == "En Hidalgo 45."


def test_an_attribution_broken_over_lines_is_one() -> None:
    attribution = "El lun, 12 ene 2026 a las 8:00, Oficialía de Partes (<\noficialia@x.mx>)\nescribió:"
    text = f"{NEW}\n\n{attribution}\n\n> hola"
    assert reply_of_text(text).text == NEW


def test_a_forwarded_mail_keeps_what_it_forwards_and_names_its_sender() -> None:
    block = "-------- Mensaje reenviado --------\nAsunto: Fuga\nDe: Ana <ana@x.mx>"
    text = f"Para su atención.\n\n{block}\n\nHay una fuga."
    reply = reply_of_text(text)
    assert reply.text == text
    assert reply.forwarded is not None
    assert (reply.forwarded.name, reply.forwarded.address, reply.forwarded.subject) == (
        "Ana",
        "ana@x.mx",
        "Fuga",
    )


def test_a_plain_blockquote_of_the_author_stays() -> None:
    html = "<p>Cito el reglamento:</p><blockquote>Artículo 8</blockquote><p>Por eso pido respuesta.</p>"
    html += "<div>El lun, 12 ene 2026 a las 8:00, J &lt;j@x.mx&gt; escribió:</div>"
    html += '<blockquote type="cite">x</blockquote>'
    assert "Artículo 8" in reply_of(read_html(html)).text


def test_a_plain_blockquote_quotes_nothing_in_a_mail_that_answers_none() -> None:
    html = "<p>Les comparto lo publicado</p><blockquote>Habrá cortes de agua</blockquote>"
    assert "cortes" in reply_of(read_html(html), is_answer=False).text
    assert "cortes" not in reply_of(read_html(html)).text


def test_thousands_of_nested_elements_are_read() -> None:
    assert reply_of(read_html("<div>" * 50_000 + "hola")).text == "hola"


OUTLOOK = "De: Ofelia <o@x.mx>\nEnviado: lunes, 12 de enero de 2026 08:00\nPara: Ana\nAsunto: x\n\n¿Dónde?\n"


@pytest.mark.parametrize(
    "announcement",
    ["Respondo abajo en rojo.", "Mis respuestas en azul:", "Le contesto entre líneas.", "Comentarios abajo.",
     "My answers below in red.", "See my comments inline.", "Respostas abaixo em vermelho."],
)  # fmt: skip
def test_answers_that_are_announced_inside_the_quote_keep_it(announcement: str) -> None:
    text = f"{announcement}\n\n{OUTLOOK}En Hidalgo 45."
    assert reply_of_text(text).text.endswith("¿Dónde?\nEn Hidalgo 45.")


@pytest.mark.parametrize(
    "text", ["Vea abajo.", "Por favor responda abajo.", "En rojo lo urgente.", "Gracias."]
)
def test_a_quote_without_announced_answers_is_not_new(text: str) -> None:
    assert reply_of_text(f"{text}\n\n{OUTLOOK}").text == text


def test_a_still_older_mail_below_announced_answers_is_not_new() -> None:
    text = f"Respondo abajo en rojo.\n\n{OUTLOOK}En Hidalgo 45.\n\nMuchas\nlíneas\nmás\n\n{OUTLOOK}"
    assert reply_of_text(text).text.count("¿Dónde?") == 1


@pytest.mark.parametrize(
    ("written", "name"),
    [("#C00000", "red"), ("#0070C0", "blue"), ("rgb(0, 176, 80)", "green"), ("#7030a0", "purple"),
     ("#ED7D31", "orange"), ("windowtext", ""), ("#444", ""), ("black", ""), ("#f00", "red")],
)  # fmt: skip
def test_colours_are_known_by_the_names_people_give_them(written: str, name: str) -> None:
    assert colour_of(written) == name
