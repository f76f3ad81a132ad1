"""Mail of machines is told from mail of people, and a bounce says whom it did not reach."""

from __future__ import annotations

import pytest

from intake.incoming import IncomingMessage
from intake.parsing import parse_email


def read(body: str, **headers: str) -> IncomingMessage:
    fields = {"From": "Ana <ana@x.mx>", "To": "buzon@municipio.gob.mx", "Subject": "Hola"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_email(
        ("".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n" + body).encode()
    )


def report(*blocks: str) -> IncomingMessage:
    status = "Reporting-MTA: dns; mx\n\n" + "\n\n".join(blocks)
    return read(
        "--b\nContent-Type: text/plain\n\nNo se entregó.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{status}\n--b--\n",
        From="MAILER-DAEMON@mx.x.mx",
        Content_Type="multipart/report; report-type=delivery-status; boundary=b",
    )


def test_the_recipient_as_we_wrote_it_counts() -> None:
    message = report(
        "Original-Recipient: rfc822;Pedro@x.mx\nFinal-Recipient: rfc822;p123@interno.x.mx\n"
        "Action: failed\nStatus: 5.1.1"
    )
    assert message.bounce is not None
    assert message.bounce.recipients == ("pedro@x.mx",)


def test_every_failed_recipient_counts_and_no_delivered_one() -> None:
    message = report(
        "Final-Recipient: rfc822;a@x.mx\nAction: failed\nStatus: 5.1.1",
        "Final-Recipient: rfc822;b@x.mx\nAction: delivered\nStatus: 2.0.0",
        "Final-Recipient: rfc822;c@x.mx\nAction: delayed\nStatus: 4.4.1",
    )
    assert message.bounce is not None
    assert message.bounce.recipients == ("a@x.mx", "c@x.mx")
    assert message.bounce.statuses == ("5.1.1", "4.4.1")


def test_a_challenge_is_no_bounce() -> None:
    message = report(
        "Final-Recipient: rfc822;a@x.mx\nAction: failed\nStatus: 5.7.0\n"
        "Diagnostic-Code: smtp; 550 Your server requires confirmation"
    )
    assert not message.is_bounce
    assert not message.should_auto_respond


@pytest.mark.parametrize(
    ("body", "recipient"),
    [
        ("Delivery to the following recipients failed.\n\n       pedro@x.mx\n", "pedro@x.mx"),
        (
            "Your message\n\n  To:  lista@y.mx\n\n"
            "did not reach the following recipient(s):\n\npedro@x.mx on Mon\n",
            "pedro@x.mx",
        ),
        (
            "No se pudo entregar a los siguientes destinatarios:\n\n<pedro@x.mx>\nUsuario desconocido\n",
            "pedro@x.mx",
        ),
        ("<pedro@x.mx>: host mx.x.mx[192.0.2.1] said: 550 5.1.1 User unknown\n", "pedro@x.mx"),
        ("----- The following addresses had permanent fatal errors -----\n<pedro@x.mx>\n", "pedro@x.mx"),
    ],
)
def test_the_words_of_a_bounce_without_a_report_name_the_recipient(body: str, recipient: str) -> None:
    message = read(
        body,
        From="Mail Delivery System <MAILER-DAEMON@mx.x.mx>",
        Subject="Undelivered Mail Returned to Sender",
    )
    assert message.is_bounce
    assert message.bounce is not None
    assert message.bounce.recipients == (recipient,)


@pytest.mark.parametrize(
    "subject", ["RV: Undelivered Mail Returned to Sender", "No pude entregar mi solicitud", "Devuelto"]
)
def test_a_person_who_writes_about_a_bounce_does_not_bounce(subject: str) -> None:
    message = read("Mi correo fue devuelto: user unknown. ¿Qué hago?", Subject=subject)
    assert not message.is_bounce
    assert message.should_auto_respond


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"Subject": "Respuesta automática: Hola"},
        {"Subject": "Automatic reply: Hola"},
        {"Subject": "Fuera de la oficina"},
        {"Subject": "Resposta automática: Hola"},
        {"Subject": "Abwesenheitsnotiz"},
    ],
)
def test_an_automatic_answer_is_filed_and_never_answered(headers: dict[str, str]) -> None:
    message = read("Regreso el lunes.", **headers)
    assert message.is_auto_reply
    assert not message.should_auto_respond


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"List_Id": "<x.listas.mx>"},
        {"X_Auto_Response_Suppress": "OOF, AutoReply"},
        {"From": "no-reply@x.mx"},
        {"From": "noresponder@x.mx"},
        {"From": ""},
    ],
)
def test_some_mail_is_no_automatic_answer_but_gets_none(headers: dict[str, str]) -> None:
    message = read("Aviso.", **headers)
    assert not message.is_auto_reply
    assert not message.should_auto_respond


@pytest.mark.parametrize(
    "headers", [{}, {"Auto_Submitted": "no"}, {"Subject": "Fuera de servicio el alumbrado"}]
)
def test_a_person_gets_an_answer(headers: dict[str, str]) -> None:
    message = read("Solicito informes.", **headers)
    assert message.should_auto_respond
    assert not message.is_auto_reply
