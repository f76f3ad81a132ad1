"""The register: tables, and the rules that hold no matter who writes.

Import this package to have every table known to `Base.metadata`.
"""

from models.acuse import Acuse
from models.api_token import ApiToken, IdempotencyKey
from models.archive import ArchiveSeries, DocumentSeries
from models.article import Article
from models.base import Base
from models.calendar import Calendar, DayOff
from models.canned_reply import CannedReply
from models.carrier import Carrier, Courier, Guia, GuiaRange, Tariff, Zone
from models.case import Case, CaseAccess, CaseLink, Presence
from models.catalogue import CatalogueVersion, Classification, Manual
from models.chat import Chat, ChatMessage, ChatTopic, ChatUpdate, MessageRevision, OneTimeLink, Rating
from models.commitment import CaseCommitment, CasePause, Commitment
from models.contact import Address, Contact
from models.day_count import CountedThrough, DayCount, DayMark, HourCount
from models.delegation import Delegation
from models.dependencia import Dependencia
from models.digest import DigestSetting
from models.dispatch import DeliveryAct, Dispatch, Route
from models.event import Event
from models.expediente import Expediente, ExpedienteEntry
from models.folio import FolioSeries
from models.inbound_mail import InboundMail
from models.letterhead import Administration, DocumentTemplate, Letterhead, NumberPattern
from models.mailbox import Door, ImapCursor, Mailbox
from models.message import Attachment, Blob, Message, ThreadId
from models.oficio import DocumentFile, DraftVersion, Oficio
from models.outbox_file import OutboxFile
from models.outbox_message import OutboxMessage
from models.person import Account, Person
from models.plan import CalendarFeed, Equipment, Plan, Visit
from models.proposal import Proposal
from models.recipient import Recipient
from models.review import Review
from models.routing_rule import RoutingRule
from models.scan import Scan, ScanFiling, ScanPage
from models.scheduled_report import ScheduledReport
from models.sent_form import SentForm
from models.service import Service
from models.service_field import FieldValue, ServiceField
from models.signature import Signature
from models.signed_answer import SignedAnswer
from models.suggestion import LearnedModel, Suggestion
from models.tag import Tag, case_tag
from models.task import Task
from models.ticket import Ticket
from models.turno import Turno
from models.user import User
from models.webhook import Webhook

__all__ = [
    "Account",
    "Acuse",
    "Address",
    "Administration",
    "ApiToken",
    "ArchiveSeries",
    "Article",
    "Attachment",
    "Base",
    "Blob",
    "Calendar",
    "CalendarFeed",
    "CannedReply",
    "Carrier",
    "Case",
    "CaseAccess",
    "CaseCommitment",
    "CaseLink",
    "CasePause",
    "CatalogueVersion",
    "Chat",
    "ChatMessage",
    "ChatTopic",
    "ChatUpdate",
    "Classification",
    "Commitment",
    "Contact",
    "CountedThrough",
    "Courier",
    "DayCount",
    "DayMark",
    "DayOff",
    "Delegation",
    "DeliveryAct",
    "Dependencia",
    "DigestSetting",
    "Dispatch",
    "DocumentFile",
    "DocumentSeries",
    "DocumentTemplate",
    "Door",
    "DraftVersion",
    "Equipment",
    "Event",
    "Expediente",
    "ExpedienteEntry",
    "FieldValue",
    "FolioSeries",
    "Guia",
    "GuiaRange",
    "HourCount",
    "IdempotencyKey",
    "ImapCursor",
    "InboundMail",
    "LearnedModel",
    "Letterhead",
    "Mailbox",
    "Manual",
    "Message",
    "MessageRevision",
    "NumberPattern",
    "Oficio",
    "OneTimeLink",
    "OutboxFile",
    "OutboxMessage",
    "Person",
    "Plan",
    "Presence",
    "Proposal",
    "Rating",
    "Recipient",
    "Review",
    "Route",
    "RoutingRule",
    "Scan",
    "ScanFiling",
    "ScanPage",
    "ScheduledReport",
    "SentForm",
    "Service",
    "ServiceField",
    "Signature",
    "SignedAnswer",
    "Suggestion",
    "Tag",
    "Tariff",
    "Task",
    "ThreadId",
    "Ticket",
    "Turno",
    "User",
    "Visit",
    "Webhook",
    "Zone",
    "case_tag",
]
