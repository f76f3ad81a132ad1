"""The catalogues: what a form refuses and in which words, what it changes, and the event it leaves."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from intake.office import Office
from models.canned_reply import CannedReply
from models.dependencia import Dependencia
from models.event import Event, find_broken_chain
from models.mailbox import Mailbox
from models.person import Account, Person, Role
from models.routing_rule import RoutingRule
from models.service import Service
from models.user import User
from tests.support.institution import Institution, found_institution, open_case, spool
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_logins

RULE = {
    "name": "Impresoras",
    "is_active": "y",
    "case_kind": "ticket",
    "condition_field": ["recipient", "words"],
    "condition_operator": ["is", "any_of"],
    "condition_value": ["soporte@example.gob.mx", "impresora, tóner"],
}


# What a form says is the same on both databases.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        return institution


@pytest.fixture
def admin(office: Office, town: Institution) -> Clerk:
    return Clerk(office, town.accounts["admin"])


def events(office: Office) -> list[Event]:
    """The office's own chain, which must be whole."""
    with office.database.reading() as session:
        found = list(session.scalars(select(Event).where(Event.case_id.is_(None)).order_by(Event.sequence)))
        assert find_broken_chain(found) is None
        return found


def last_event(office: Office) -> tuple[str, dict[str, object]]:
    event = events(office)[-1]
    assert event.account_id is not None
    return event.action, event.data


def rows(office: Office, model: type[Any]) -> list[Any]:
    with office.database.reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


# The organigrama


def _dependencia(**changes: object) -> dict[str, object]:
    return {"name": "Dirección de Cultura", "siglas": "DC", "kind": "direccion", "parent_id": "1",
            "is_active": "y", **changes}  # fmt: skip


def test_a_dependencia_is_added_below_another(office: Office, admin: Clerk, town: Institution) -> None:
    page = admin.post("/admin/organigrama/nueva", **_dependencia(parent_id=town.systems.id))
    assert "Se agregó «Dirección de Cultura»" in page.text
    with office.database.reading() as session:
        made = session.scalars(select(Dependencia).where(Dependencia.siglas == "DC")).one()
        assert made.path == f"{town.systems.path}{made.id}/"
    assert last_event(office) == ("dependencia_created", {"id": made.id, "name": "Dirección de Cultura"})


@on_one_database
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"siglas": "DSI"}, "Las siglas «DSI» ya son de «Dirección de Sistemas»."),
        ({"siglas": "D C"}, "Las siglas no llevan espacios ni diagonales."),
        ({"siglas": ""}, "Falta este dato."),
        ({"name": "  "}, "Falta este dato."),
        ({"parent_id": "999"}, "Esa opción ya no existe; elija otra."),
    ],
)
def test_a_dependencia_is_refused_in_clear_words(
    office: Office, admin: Clerk, changes: dict[str, object], sentence: str
) -> None:
    assert sentence in admin.post("/admin/organigrama/nueva", **_dependencia(**changes)).text
    assert len(rows(office, Dependencia)) == 3
    assert events(office) == []


def test_a_dependencia_moves_with_all_that_hangs_from_it(
    office: Office, admin: Clerk, town: Institution
) -> None:
    admin.post("/admin/organigrama/nueva", **_dependencia(parent_id=town.systems.id))
    fields = _dependencia(name="Dirección de Sistemas", siglas="DSI", parent_id=town.works.id)
    assert "Se guardó" in admin.post(f"/admin/organigrama/{town.systems.id}", **fields).text
    with office.database.reading() as session:
        paths = {one.siglas: one.path for one in session.scalars(select(Dependencia))}
    assert paths["DSI"] == f"{paths['DOP']}{town.systems.id}/"
    assert paths["DC"].startswith(paths["DSI"])
    action, data = last_event(office)
    assert action == "dependencia_changed"
    assert data["changes"] == {"parent_id": ["Presidencia", "Dirección de Obras Públicas"]}


def test_a_dependencia_cannot_hang_from_itself_or_be_switched_off_while_used(
    office: Office, admin: Clerk, town: Institution
) -> None:
    fields = _dependencia(name="Presidencia", siglas="PM", parent_id=town.systems.id)
    page = admin.post(f"/admin/organigrama/{town.presidency.id}", **fields)
    assert "no puede depender de sí misma" in page.text
    fields = _dependencia(name="Dirección de Sistemas", siglas="DSI", is_active="")
    page = admin.post(f"/admin/organigrama/{town.systems.id}", **fields)
    assert "Aún tiene cuentas, servicios en uso" in page.text
    assert all(one.is_active for one in rows(office, Dependencia))


# People, accounts and logins


def test_a_person_gets_an_account_and_a_login_with_a_password_shown_once(
    office: Office, admin: Clerk, town: Institution
) -> None:
    fields = {"name": "Rosa Luna", "email": "Rosa@Example.gob.mx", "dependencia_id": town.works.id,
              "is_active": "y"}  # fmt: skip
    admin.post("/admin/personas/nuevo", **fields)
    with office.database.reading() as session:
        rosa = session.scalars(select(Person).where(Person.email == "rosa@example.gob.mx")).one()
    account = {"role": "head", "dependencia_id": town.works.id}
    assert "Se dio la cuenta" in admin.post(f"/admin/personas/{rosa.id}/cuentas", **account).text
    assert "ya tiene esa cuenta" in admin.post(f"/admin/personas/{rosa.id}/cuentas", **account).text
    page = admin.post(f"/admin/personas/{rosa.id}/usuario", username="rluna").text
    password = page.partition("Contraseña de Rosa Luna: ")[2].partition(".")[0]
    assert len(password) == 19
    assert password not in admin.get(f"/admin/personas/editar?id={rosa.id}").text
    entered = Clerk(office, None)
    assert entered.enter("rluna", password).status_code == 302
    assert [one.action for one in events(office)] == [
        "person_created", "account_created", "login_created", "password_set",
    ]  # fmt: skip
    assert password not in str([one.data for one in events(office)])


@on_one_database
def test_the_rfc_and_curp_that_an_efirma_must_carry_are_written_on_the_page_of_the_person(
    office: Office, admin: Clerk, town: Institution
) -> None:
    person = town.accounts["head"].person
    page = f"/admin/personas/editar?id={person.id}"
    fields = {"name": person.name, "email": person.email, "dependencia_id": person.dependencia_id,
              "is_active": "y"}  # fmt: skip
    wrong = admin.post(page, **fields, rfc="TOLJ80", curp="TOLJ800101HJCRNM09")
    assert "«TOLJ80» no es el RFC" in wrong.text
    admin.post(page, **fields, rfc="tolj800101ab1", curp="TOLJ800101HJCRNM09")
    with office.database.reading() as session:
        kept = session.get_one(Person, person.id)
        assert (kept.rfc, kept.curp) == ("TOLJ800101AB1", "TOLJ800101HJCRNM09")


def test_a_new_password_ends_the_sessions_of_the_old_one(
    office: Office, admin: Clerk, town: Institution
) -> None:
    worker = Clerk(office, town.accounts["worker"])
    assert worker.get("/admin/").status_code == 200
    person = town.accounts["worker"].person_id
    assert "al menos 8 letras" in admin.post(f"/admin/personas/{person}/contrasena", password="corta").text
    admin.post(f"/admin/personas/{person}/contrasena", password="una que es larga")
    assert worker.get("/admin/").status_code == 302


@on_one_database
def test_an_administrator_cannot_lock_itself_out(office: Office, admin: Clerk, town: Institution) -> None:
    own = town.accounts["admin"]
    page = admin.post(f"/admin/personas/{own.person_id}/cuentas/{own.id}", que="active")
    assert "no puede desactivarla" in page.text
    assert "No puede cerrarse la entrada" in admin.post(f"/admin/personas/{own.person_id}/usuario").text
    fields = {"name": "Alma Reyes", "email": "alma@example.gob.mx", "dependencia_id": town.presidency.id}
    page = admin.post(f"/admin/personas/editar?id={own.person_id}", **fields)
    assert "No puede desactivarse a sí mismo" in page.text
    with office.database.reading() as session:
        assert session.get_one(Account, own.id).is_active
        assert session.scalars(select(User).where(User.person_id == own.person_id)).one().active


def test_an_account_that_is_switched_off_says_how_much_it_still_holds(
    office: Office, admin: Clerk, town: Institution
) -> None:
    worker = town.accounts["worker"]
    with office.database.writing() as session:
        open_case(session, town).holder_id = worker.id
    page = admin.post(f"/admin/personas/{worker.person_id}/cuentas/{worker.id}", que="active")
    assert "Aún tiene 1 asuntos abiertos" in page.text
    assert last_event(office)[1]["changes"] == {"is_active": [True, False]}


def test_a_login_name_belongs_to_one_person(office: Office, admin: Clerk, town: Institution) -> None:
    first, second = town.accounts["worker"].person_id, town.accounts["head"].person_id
    admin.post(f"/admin/personas/{first}/usuario", username="sistemas", active="1")
    page = admin.post(f"/admin/personas/{second}/usuario", username="Sistemas", active="1")
    assert "«sistemas» ya es de otra persona" in page.text


def test_people_are_found_without_accents_and_listed_by_pages(
    office: Office, admin: Clerk, town: Institution
) -> None:
    with office.database.writing() as session:
        for number in range(60):
            session.add(Person(name=f"Ñuño Áviles {number:02}", dependencia_id=town.works.id))
    first = admin.get("/admin/personas/?q=nuno+aviles").text
    assert first.count("Ñuño") == 50
    address = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = admin.get(address).text
    assert second.count("Ñuño") == 10
    assert "Áviles 59" in second
    assert "Tomás Ibarra" in admin.get("/admin/personas/?q=tomas").text
    assert "Nada con «%»" in admin.get("/admin/personas/?q=%25").text


# Services, mailboxes, canned replies


@on_one_database
@pytest.mark.parametrize(
    ("code", "added", "saved", "refused"),
    [
        ("es", "Se agregó «Redes».", "Se guardaron los cambios de «Redes».", "No se guardó nada: revise lo"),
        (
            "en",
            "“Redes” was added.",
            "The changes of “Redes” were saved.",
            "Nothing was saved: check what is",
        ),
    ],
)
def test_what_became_of_a_form_is_said_in_our_words(
    office: Office, admin: Clerk, town: Institution, code: str, added: str, saved: str, refused: str
) -> None:
    admin.post("/admin/cuenta/idioma", language=code)
    fields = {"name": "Redes", "dependencia_id": town.systems.id, "is_active": "y"}
    assert f"<span>{added}</span>" in admin.post("/admin/servicios/nuevo", **fields).text
    with office.database.reading() as session:
        number = session.scalars(select(Service.id).where(Service.name == "Redes")).one()
    page = f"/admin/servicios/editar?id={number}"
    assert f"<span>{saved}</span>" in admin.post(page, **{**fields, "slug": "redes", "cost": "Gratuito"}).text
    answer = admin.post(page, **{**fields, "name": ""})
    assert answer.status_code == 422 and refused in answer.text


def test_a_service_gets_its_short_name_from_its_name(office: Office, admin: Clerk, town: Institution) -> None:
    fields = {"name": "Impresión de credenciales", "dependencia_id": town.systems.id, "is_active": "y",
              "solution_minutes": "5"}  # fmt: skip
    admin.post("/admin/servicios/nuevo", **fields)
    with office.database.reading() as session:
        made = session.scalars(select(Service).where(Service.name == fields["name"])).one()
    assert (made.slug, made.solution_minutes, made.position) == ("impresion-de-credenciales", 5, 0)
    page = admin.post("/admin/servicios/nuevo", **fields).text
    assert "ya se usa en «Impresión de credenciales»" in page
    page = admin.post("/admin/servicios/nuevo", **{**fields, "slug": "otro", "solution_minutes": "-1"}).text
    assert "No puede ser menor que cero" in page


@on_one_database
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"address": "soporte@example.gob.mx"}, "ya se usa en"),
        ({"address": "SOPORTE@Example.gob.mx"}, "ya se usa en"),
        ({"address": "no es una dirección"}, "no es una dirección de correo"),
        ({"address": "obras+algo@example.gob.mx"}, "sin «+»"),
        ({"address": "obras@otro.example"}, "no es el dominio de la institución (example.gob.mx)"),
        ({"dependencia_id": ""}, "Elija un servicio o una dependencia"),
    ],
)
def test_a_mailbox_is_refused_in_clear_words(
    office: Office, admin: Clerk, changes: dict[str, str], sentence: str
) -> None:
    fields = {"address": "obras@example.gob.mx", "name": "Obras", "dependencia_id": "1", "is_active": "y"}
    assert sentence in admin.post("/admin/buzones/nuevo", **{**fields, **changes}).text
    assert len(rows(office, Mailbox)) == 1


def test_a_mailbox_of_another_domain_is_kept_when_that_is_meant(office: Office, admin: Clerk) -> None:
    fields = {"address": "Obras@Otro.example", "accepts_other_domain": "y", "name": "Obras",
              "dependencia_id": "1", "is_active": "y"}  # fmt: skip
    admin.post("/admin/buzones/nuevo", **fields)
    assert [one.address for one in rows(office, Mailbox)] == [
        "soporte@example.gob.mx",
        "obras@otro.example",
    ]


def test_a_head_keeps_only_the_canned_replies_of_its_dependencias(
    office: Office, admin: Clerk, town: Institution
) -> None:
    reply = {
        "shortcut": "reinicio",
        "title": "Reiniciar",
        "body": "Buen día, {{ requester }}:",
        "is_active": "y",
    }
    admin.post("/admin/respuestas/nuevo", **reply, dependencia_id="")
    (everybody,) = rows(office, CannedReply)
    head = Clerk(office, town.accounts["head"])
    assert "Reiniciar" not in head.get("/admin/respuestas/").text
    assert head.get(f"/admin/respuestas/editar?id={everybody.id}").status_code == 404
    mine = {**reply, "shortcut": "toner"}
    for dependencia in ("", town.works.id):
        head.post("/admin/respuestas/nuevo", **mine, dependencia_id=dependencia)
        assert len(rows(office, CannedReply)) == 1
    head.post("/admin/respuestas/nuevo", **mine, dependencia_id=town.systems.id)
    assert len(rows(office, CannedReply)) == 2
    assert "/toner" in head.get("/admin/respuestas/").text


@on_one_database
@pytest.mark.parametrize(
    ("body", "sentence"),
    [("Hola {{ requester", "llaves mal escritas"), ("Hola {{ nombre }}", "No se conoce nombre")],
)
def test_a_canned_reply_that_could_not_be_filled_is_refused(
    office: Office, admin: Clerk, body: str, sentence: str
) -> None:
    page = admin.post("/admin/respuestas/nuevo", shortcut="a", title="A", body=body, is_active="y")
    assert sentence in page.text
    assert rows(office, CannedReply) == []


# Rules


def _rules(office: Office) -> list[str]:
    with office.database.reading() as session:
        found = session.scalars(select(RoutingRule).order_by(RoutingRule.position)).all()
        assert [one.position for one in found] == list(range(1, len(found) + 1))
        return [one.name for one in found]


def test_a_rule_is_written_moved_and_deleted_with_an_event_of_each(
    office: Office, admin: Clerk, town: Institution
) -> None:
    for name in ("Primera", "Segunda", "Tercera"):
        admin.post("/admin/reglas/nueva", **{**RULE, "name": name, "dependencia_id": town.systems.id})
    assert "impresora» o «tóner»" in admin.get("/admin/reglas/").text
    third = rows(office, RoutingRule)[2].id
    admin.post(f"/admin/reglas/{third}/mover", hacia="arriba")
    assert _rules(office) == ["Primera", "Tercera", "Segunda"]
    admin.post(f"/admin/reglas/{third}/mover", hacia="arriba")
    admin.post(f"/admin/reglas/{third}/mover", hacia="arriba")
    assert _rules(office) == ["Tercera", "Primera", "Segunda"]
    admin.post(f"/admin/reglas/{third}/borrar")
    assert _rules(office) == ["Primera", "Segunda"]
    assert [one.action for one in events(office)] == [
        *["rule_created"] * 3, *["rule_moved"] * 2, "rule_deleted",
    ]  # fmt: skip


@on_one_database
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"condition_field": [], "condition_operator": [], "condition_value": []}, "al menos una condición"),
        (
            {"condition_value": ["soporte@example.gob.mx", " "]},
            "Falta con qué comparar: el asunto o el texto",
        ),
        ({"condition_field": ["recipient", "inventado"]}, "no se entiende"),
        ({"dependencia_id": ""}, "Elija a dónde va"),
        ({"account_id": "5"}, "no tiene esa cuenta en esta dependencia"),
        ({"name": ""}, "Falta este dato"),
    ],
)
def test_a_rule_that_could_do_nothing_is_refused(
    office: Office, admin: Clerk, town: Institution, changes: dict[str, object], sentence: str
) -> None:
    fields = {**RULE, "dependencia_id": town.systems.id, **changes}
    page = admin.post("/admin/reglas/nueva", **fields).text
    assert sentence in page
    # What was typed is still there.
    assert "Impresoras" in page or not fields["name"]
    assert _rules(office) == []


def test_the_bitacora_says_how_a_rule_read_before_and_after(
    office: Office, admin: Clerk, town: Institution
) -> None:
    fields = {**RULE, "dependencia_id": town.systems.id}
    admin.post("/admin/reglas/nueva", **fields)
    (rule,) = rows(office, RoutingRule)
    fields["condition_value"] = ["soporte@example.gob.mx", "plóter"]
    admin.post(f"/admin/reglas/{rule.id}", **fields)
    page = admin.get("/admin/bitacora/").text
    assert "«impresora» o «tóner»" in page
    assert "«plóter»" in page
    assert "todas completas" in admin.get("/admin/bitacora/comprobar").text


def test_a_mail_on_trial_says_for_each_rule_and_condition_why(
    office: Office, admin: Clerk, town: Institution
) -> None:
    other = {**RULE, "name": "Obras", "condition_field": ["subject"], "condition_operator": ["contains"],
             "condition_value": ["bache"], "dependencia_id": town.works.id}  # fmt: skip
    admin.post("/admin/reglas/nueva", **other)
    admin.post("/admin/reglas/nueva", **{**RULE, "dependencia_id": town.systems.id})
    raw = make_mail(subject="Falla", text="Se acabó el TONER")
    with office.database.writing() as session:
        spooled = spool(session, office, raw)
    for fields in ({"pasted": raw.decode().replace("\r\n", "\n")}, {"mail": spooled.id}):
        page = admin.post("/admin/reglas/probar", **fields).text
        assert "Regla 2 «Impresoras»" in page
        assert "sin asunto con «bache»" in page
        assert "texto con «tóner»" in page
    assert "Se acabó" not in admin.post("/admin/reglas/probar", mail=spooled.id).text
    nothing = raw.replace(b"TONER", b"papel").decode()
    assert "Ninguna regla se cumple: como llega a" in admin.post("/admin/reglas/probar", pasted=nothing).text
    assert "Elija un correo" in admin.post("/admin/reglas/probar").text
    assert len(events(office)) == 2


@on_one_database
def test_the_roles_offered_are_those_of_the_register(admin: Clerk, town: Institution) -> None:
    page = admin.get(f"/admin/personas/editar?id={town.accounts['worker'].person_id}").text
    assert all(f'value="{role.value}"' in page for role in Role)
