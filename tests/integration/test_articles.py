"""Answers before asking: suggested while a request is written, offered to clerks, and *did this help?*."""

import pytest

from admin.pace import Window
from admin.portal import articles as articles_page
from intake.citizens.articles import suggest
from intake.office import Office
from models.article import Article
from models.case import Case
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins

ARTICLES = (
    ("no-imprime", "La impresora no imprime", "Revise el papel y el **tóner**, y apáguela.", "atasco"),
    ("correo", "Recuperar la contraseña del correo", "En [la página](https://correo.example), paso a paso.",
     "clave olvidé"),
    ("malo", "Prueba de código", "<script>alert(1)</script> [x](javascript:alert(1))", ""),
)  # fmt: skip


@pytest.fixture
def town(office: Office, monkeypatch: pytest.MonkeyPatch) -> Institution:
    monkeypatch.setattr(articles_page, "_PACE", Window(60, 60.0))
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        for slug, title, body, keywords in ARTICLES:
            article = Article(slug=slug, title=title, body=body, keywords=keywords)
            article.service_id = town.support.id
            session.add(article)
    return town


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("no imprime la impresora de ventanilla", ["no-imprime"]),
        ("se atasca mi IMPRESORA", ["no-imprime"]),
        ("olvide mi clave de correo", ["correo"]),
        ("el camión de la basura no pasó", []),
        ("de la el", []),
    ],
)
def test_an_article_is_suggested_by_what_it_is_about(
    office: Office, town: Institution, words: str, wanted: list[str]
) -> None:
    with office.database.reading() as session:
        assert [one.slug for one in suggest(session, words)] == wanted


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_says_whether_it_helped_and_yes_ends_without_a_request(
    office: Office, town: Institution
) -> None:
    visitor = Clerk(office, None)
    assert "La impresora no imprime" in visitor.get("/ayuda?q=impresora").text
    piece = visitor.get("/ayuda/sugerencias?subject=no+imprime&text=la+impresora").text
    assert "/ayuda/no-imprime" in piece and "<html" not in piece
    answers = [visitor.get("/ayuda/sugerencias?subject=no+imprime") for _ in range(60)]
    assert answers[-2].status_code == 200 and answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0 and answers[-1].text == ""
    page = visitor.get("/ayuda/no-imprime").text
    assert "<strong>tóner</strong>" in page
    bad = visitor.get("/ayuda/malo").text
    assert "<script>alert" not in bad and 'href="javascript' not in bad
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    for helped, leads_to in (("1", "/ayuda"), ("0", "/solicitudes/nueva")):
        answer = visitor.client.post("/ayuda/no-imprime", data={"helped": helped, "csrf_token": token})
        assert answer.location.startswith(leads_to)
    with office.database.reading() as session:
        article = suggest(session, "impresora")[0]
        assert (article.helped, article.did_not_help) == (1, 1)
        assert session.query(Case).first() is None
    assert visitor.get("/ayuda/no-hay").status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_clerk_who_answers_is_offered_the_article_as_a_saved_answer(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        case = open_case(session, town, subject="No imprime la impresora").id
    offered = Clerk(office, town.accounts["worker"]).get(f"/admin/escribir/{case}/guardadas").get_json()
    (one,) = offered
    assert one["shortcut"] == "no-imprime" and "/ayuda/no-imprime" in one["text"]
