"""Chats, members, forum topics (documentation: getChat, getChatMember, "createForumTopic" and after it)."""

from tests.support.botapi.calls import Call
from tests.support.botapi.errors import Json, bad_request
from tests.support.botapi.methods import chat_of, method
from tests.support.botapi.world import Chat, Topic, World

# createForumTopic: "Color of the topic icon in RGB format. Currently, must be one of".
COLOURS = {7322096, 16766590, 13338331, 9367192, 16749490, 16478047}
DEFAULT_COLOUR = 7322096


@method("getChat", "chat_id")
def get_chat(world: World, call: Call) -> Json:
    chat = chat_of(world, call)
    accent: Json = {"accent_color_id": 0, "max_reaction_count": 11}
    accepted = dict.fromkeys(
        ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"),
        False,
    )
    return chat.facts | accent | {"accepted_gift_types": accepted}


@method("getChatMember", "chat_id user_id")
def get_chat_member(world: World, call: Call) -> Json:
    chat = chat_of(world, call)
    user_id = call.integer("user_id")
    if user_id == world.bot["id"]:
        return world.bot_member(chat)
    if user_id not in world.people:
        raise bad_request("invalid user_id specified")
    status = "member" if user_id in chat.members else "left"
    return {"user": world.people[user_id], "status": status}


@method("getChatAdministrators", "chat_id return_bots")
def get_chat_administrators(world: World, call: Call) -> list[Json]:
    chat = chat_of(world, call)
    if chat.is_private:
        raise bad_request("there are no administrators in the private chat")
    return [world.bot_member(chat)] if chat.bot_is == "administrator" else []


@method("getChatMemberCount", "chat_id")
def get_chat_member_count(world: World, call: Call) -> int:
    return len(chat_of(world, call).members) + 1


@method("leaveChat", "chat_id")
def leave_chat(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    if chat.is_private:
        raise bad_request("chat member status can't be changed in private chats")
    world.bot_status(chat, "left", world.bot_as_user)
    return True


def _forum(world: World, call: Call) -> Chat:
    chat = chat_of(world, call)
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    if chat.bot_is != "administrator" or not chat.bot_may_manage_topics:
        raise bad_request("not enough rights to create a topic")
    return chat


def _topic(chat: Chat, call: Call) -> Topic:
    topic = chat.topics.get(call.integer("message_thread_id"))
    if topic is None:
        raise bad_request("message thread not found")
    return topic


def new_topic(world: World, chat: Chat, by: Json, name: str, colour: int = DEFAULT_COLOUR) -> Topic:
    """Create a topic; its message_thread_id is the id of the service message that begins it."""
    created = {"forum_topic_created": {"name": name, "icon_color": colour}}
    message = world.post(chat, by, created)
    thread = message["message_id"]
    chat.messages[thread] = message | {"message_thread_id": thread, "is_topic_message": True}
    chat.topics[thread] = Topic(thread, name, colour)
    return chat.topics[thread]


@method("createForumTopic", "chat_id name icon_color icon_custom_emoji_id")
def create_forum_topic(world: World, call: Call) -> Json:
    chat = _forum(world, call)
    name = call.string("name")
    # createForumTopic: "Topic name, 1-128 characters".
    if not 1 <= len(name.strip()) <= 128:
        raise bad_request("TOPIC_TITLE_EMPTY" if not name.strip() else "TOPIC_TITLE_TOO_LONG")
    colour = call.integer("icon_color", DEFAULT_COLOUR)
    if colour not in COLOURS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    topic = new_topic(world, chat, world.bot_as_user, name.strip(), colour)
    return {"message_thread_id": topic.thread, "name": topic.name, "icon_color": topic.icon_color}


@method("editForumTopic", "chat_id message_thread_id name icon_custom_emoji_id")
def edit_forum_topic(world: World, call: Call) -> bool:
    chat = _forum(world, call)
    topic = _topic(chat, call)
    name = call.string("name").strip()
    if len(name) > 128:
        raise bad_request("TOPIC_TITLE_TOO_LONG")
    if name == topic.name or not (name or call.has("icon_custom_emoji_id")):
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.name = name or topic.name
    world.post(chat, world.bot_as_user, {"forum_topic_edited": {"name": topic.name}}, topic.thread)
    return True


def _switch(world: World, call: Call, closed: bool) -> bool:
    chat = _forum(world, call)
    topic = _topic(chat, call)
    if topic.closed is closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    service: Json = {"forum_topic_closed" if closed else "forum_topic_reopened": {}}
    world.post(chat, world.bot_as_user, service, topic.thread)
    return True


@method("closeForumTopic", "chat_id message_thread_id")
def close_forum_topic(world: World, call: Call) -> bool:
    return _switch(world, call, closed=True)


@method("reopenForumTopic", "chat_id message_thread_id")
def reopen_forum_topic(world: World, call: Call) -> bool:
    return _switch(world, call, closed=False)


@method("deleteForumTopic", "chat_id message_thread_id")
def delete_forum_topic(world: World, call: Call) -> bool:
    """Remove the topic with its messages."""
    chat = _forum(world, call)
    topic = _topic(chat, call)
    del chat.topics[topic.thread]
    for number in [n for n, m in chat.messages.items() if m.get("message_thread_id") == topic.thread]:
        world.delete(chat, number)
    return True
