"""Webhooks for programs: an account's own subscriptions, made, tried and ended."""

from __future__ import annotations

from datetime import datetime

from flask import url_for

from admin.api.operations import Call, operation
from admin.api.problems import Refusal
from admin.api.schema import NewWebhook, NewWebhookTold, Ping, Webhook, Webhooks
from admin.api.values import Number
from admin.db import office
from intake.programs import webhooks
from models.api_token import Scope
from models.webhook import Webhook as Hook


@operation("GET", "/webhooks", Scope.WEBHOOKS_MANAGE)
def list_webhooks(call: Call) -> Webhooks:
    return Webhooks(items=[_told(one) for one in webhooks.of_account(call.session, call.account)])


# Whoever subscribes is told of cases and of the documents among them, so it takes all three.
@operation("POST", "/webhooks", Scope.WEBHOOKS_MANAGE, Scope.CASES_READ, Scope.DOCUMENTS_READ, status=201)
def create_webhook(call: Call, body: NewWebhook) -> NewWebhookTold:
    hook, secret = webhooks.subscribe(call.session, office(), call.account, url=body.url, events=body.events)
    call.location = url_for("api.get_webhook", number=hook.id)
    return NewWebhookTold(**_told(hook).model_dump(), secret=secret)


@operation("GET", "/webhooks/{number}", Scope.WEBHOOKS_MANAGE)
def get_webhook(call: Call, number: Number) -> Webhook:
    return _told(_own(call, number))


@operation("DELETE", "/webhooks/{number}", Scope.WEBHOOKS_MANAGE, status=204)
def delete_webhook(call: Call, number: Number) -> None:
    webhooks.delete(call.session, call.account, _own(call, number))


@operation("POST", "/webhooks/{number}/enable", Scope.WEBHOOKS_MANAGE)
def enable_webhook(call: Call, number: Number) -> Webhook:
    hook = _own(call, number)
    webhooks.enable(call.session, office(), call.account, hook)
    return _told(hook)


@operation("POST", "/webhooks/{number}/ping", Scope.WEBHOOKS_MANAGE, status=202)
def ping_webhook(call: Call, number: Number) -> Ping:
    hook = _own(call, number)
    return Ping(webhook=hook.id, message=webhooks.ping(call.session, hook).rfc_message_id)


def _own(call: Call, number: int) -> Hook:
    hook = webhooks.find(call.session, call.account, number)
    if hook is None:
        raise Refusal(404, "http_404")
    return hook


def _told(hook: Hook) -> Webhook:
    return Webhook.model_validate(
        {
            "id": hook.id,
            "url": hook.url,
            "events": hook.events,
            "created_at": hook.created_at.isoformat(),
            "last_delivered_at": _instant(hook.last_delivered_at),
            "failing_since": _instant(hook.failing_since),
            "last_error": hook.last_error,
            "disabled_at": _instant(hook.disabled_at),
        }
    )


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
