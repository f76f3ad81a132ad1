"""Reading an oficio: which mail is one, and what it says of itself and where."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from intake.counter.recognition import FILE, SUBJECT, TEXT, Source, find_number, read_document, recognise

RECEIVED = date(2026, 11, 20)
PAGE = """Secretaría de Obras Públicas
Dirección de Proyectos
Oficio Núm. SOP/DP/0456/2026
ASUNTO: Se solicita información de obras
en proceso.
Guadalajara, Jalisco, a 18 de noviembre de 2026

LIC. LAURA IMELDA PÉREZ
PRESIDENTA MUNICIPAL
P R E S E N T E

Por este conducto le solicito, a más tardar el 30 de noviembre de 2026, la relación de las obras
autorizadas el 3 de marzo de 2026. En alusión a su oficio DGA/0012/2026.

A T E N T A M E N T E
"2026, año de las obras"
SUFRAGIO EFECTIVO. NO REELECCIÓN
MTRA. ELENA RUIZ ÁVILA
DIRECTORA DE PROYECTOS
"""


def workdays(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def values(*sources: Source) -> dict[str, str]:
    return {one.field: one.value for one in read_document(sources, RECEIVED, workdays)}


def test_a_page_says_number_date_signatory_subject_and_deadline() -> None:
    assert values(Source(FILE, PAGE, "oficio.pdf")) == {
        "sender_number": "SOP/DP/0456/2026",
        "written_on": "2026-11-18",
        "signatory": "MTRA. ELENA RUIZ ÁVILA",
        "subject": "Se solicita información de obras en proceso",
        "answer_required_on": "2026-11-30",
    }


def test_each_value_says_where_it_was_read() -> None:
    by_field = {
        one.field: one for one in read_document([Source(FILE, PAGE, "oficio.pdf")], RECEIVED, workdays)
    }
    assert {(one.source, one.filename) for one in by_field.values()} == {(FILE, "oficio.pdf")}
    assert by_field["sender_number"].quote == "Oficio Núm. SOP/DP/0456/2026"
    assert by_field["answer_required_on"].quote.startswith("a más tardar el 30 de noviembre")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("OFICIO No. DGA/123/2026", "DGA/123/2026"),
        ("Oficio: SSA-45-2026 para su atención", "SSA-45-2026"),
        ("Número de oficio: 0045/2026.", "0045/2026"),
        ("Memorándum N° DSI / 0007 / 2026", "DSI/0007/2026"),
        ("Circular 12/2026", "12/2026"),
        ("Oficio circular núm. CGA/3/26", "CGA/3/26"),
        ("solicito un oficio y/o constancia", None),
        ("Gracias por su oficio", None),
        ("El oficio de carpintero, 2026", None),
        ("T-2026-000123 sigue pendiente", None),
    ],
)
def test_a_number_is_what_follows_the_kind_of_document(words: str, number: str | None) -> None:
    found = find_number([Source(SUBJECT, words)])
    assert (found.value if found else None) == number


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("en un plazo no mayor a 5 días hábiles", "2026-11-27"),
        ("dentro del término de tres (3) días hábiles", "2026-11-25"),
        ("en un plazo de diez días naturales", "2026-11-30"),
        ("antes del 2026-12-01", "2026-12-01"),
        ("fecha límite: 04/12/2026", "2026-12-04"),
        ("el plazo era el 1 de enero de 2020", None),
        ("a más tardar\nel 4 de diciembre de 2026", "2026-12-04"),
        ("a más tardar el próximo 4 de diciembre\ndel año en curso", "2026-12-04"),
        ("antes del 4 de enero", "2027-01-04"),
        ("antes del 4 de octubre", None),
        ("antes del viernes\n\n4 de diciembre de 2026", None),
    ],
)
def test_a_deadline_is_a_day_or_so_many_working_days_from_reception(words: str, day: str | None) -> None:
    assert values(Source(TEXT, words)).get("answer_required_on") == day


def test_only_an_institution_s_mail_is_taken_for_an_oficio() -> None:
    sources = [Source(SUBJECT, "Oficio SOP/0456/2026")]
    domains = ["gob.mx"]
    assert recognise("elena@obras.jalisco.gob.mx", sources, domains) is not None
    assert recognise("elena@gmail.com", sources, domains) is None
    assert recognise("elena@notgob.mx", sources, domains) is None
    assert recognise("elena@obras.jalisco.gob.mx", [Source(SUBJECT, "Saludos")], domains) is None


def test_a_long_text_of_nothing_is_read_quickly() -> None:
    for words in ("oficio " * 5000, "1/" * 20_000, "plazo " * 5000, "A" * 40_000, "asunto: \n" * 5000,
                  "plazo\n" * 5000):  # fmt: skip
        assert values(Source(TEXT, words)).get("answer_required_on") is None
