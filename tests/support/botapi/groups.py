"""Groups as people run them: who is in, whether the bot is, topics, the move to a supergroup."""

from collections.abc import Iterable

from tests.support.botapi.chats import new_topic
from tests.support.botapi.errors import Json
from tests.support.botapi.people import Impossible, People, checked_payload
from tests.support.botapi.world import ADMITTED


class Groups(People):
    """Part of BotApi."""

    def add_group(
        self,
        title: str,
        members: Iterable[int] = (),
        *,
        is_forum: bool = False,
        bot_may_manage_topics: bool = True,
        is_supergroup: bool = True,
        bot_is: str = "administrator",
    ) -> int:
        """A group with the bot in it as *bot_is*: administrator, member, or left (not in it).

        The first member adds the bot, which gets my_chat_member.
        """
        with self.world.bell.lock:
            people = list(members) or [self.add_user("Dueña")]
            chat = self.world.add_group(title, set(people), is_supergroup=is_supergroup, is_forum=is_forum)
            chat.bot_may_manage_topics = bot_may_manage_topics and bot_is == "administrator"
            if bot_is != "left":
                self.world.bot_status(chat, bot_is, self.world.people[people[0]])
            return chat.id

    def join(self, group: int, user: int) -> Json:
        """*user* comes in; the bot gets the service message new_chat_members."""
        with self.world.bell.lock:
            chat, person = self._chat(group), self.world.people[user]
            chat.members.add(user)
            message = self.world.post(chat, person, {"new_chat_members": [person]})
            return self.world.tell("message", message, chat)

    def leave(self, group: int, user: int) -> Json:
        with self.world.bell.lock:
            chat, person = self._chat(group), self.world.people[user]
            self._may_act(user, chat)
            chat.members.discard(user)
            message = self.world.post(chat, person, {"left_chat_member": person})
            return self.world.tell("message", message, chat)

    def add_bot(self, group: int, by: int, *, bot_is: str = "member") -> Json:
        """*by* adds the bot; the bot gets my_chat_member."""
        return self._bot_status(group, by, bot_is)

    def remove_bot(self, group: int, by: int) -> Json:
        """*by* throws the bot out: 403 "bot was kicked" from now on."""
        return self._bot_status(group, by, "kicked")

    def _bot_status(self, group: int, by: int, status: str) -> Json:
        with self.world.bell.lock:
            chat = self._chat(group)
            self._may_act(by, chat)
            return self.world.bot_status(chat, status, self.world.people[by])

    def open_group_link(self, user: int, group: int, payload: str = "") -> Json:
        """t.me/bot?startgroup=payload: the bot is added and is sent /start@bot payload in the group."""
        if self._chat(group).bot_is not in ADMITTED:
            self.add_bot(group, user)
        name = self.world.bot["username"]
        return self.send_text(user, f"/start@{name} {checked_payload(payload)}".strip(), chat=group)

    def create_topic(self, group: int, by: int, name: str) -> int:
        """A topic made by a person; returns its message_thread_id."""
        with self.world.bell.lock:
            chat = self._chat(group)
            self._may_act(by, chat)
            if not chat.is_forum:
                raise Impossible(f"Chat {group} has no topics.")
            topic = new_topic(self.world, chat, self.world.people[by], name)
            self.world.tell("message", chat.messages[topic.thread], chat)
            return topic.thread

    def close_topic(self, group: int, by: int, thread: int) -> Json:
        """Only a bot that may manage topics can write there from now on."""
        with self.world.bell.lock:
            chat = self._chat(group)
            self._may_act(by, chat)
            chat.topics[thread].closed = True
            closed: Json = {"forum_topic_closed": {}}
            return self.world.tell(
                "message", self.world.post(chat, self.world.people[by], closed, thread), chat
            )

    def migrate(self, group: int) -> int:
        """The basic group becomes a supergroup; returns the new id.

        The bot gets migrate_to_chat_id in the old and migrate_from_chat_id in the new chat; what it sends to
        the old one is refused with the new id in the parameters.
        """
        with self.world.bell.lock:
            old = self._chat(group)
            if old.kind != "group":
                raise Impossible(f"Chat {group} is no basic group.")
            new = self.world.add_group(old.facts["title"], old.members, is_supergroup=True, is_forum=False)
            new.bot_is, new.bot_may_manage_topics = old.bot_is, old.bot_may_manage_topics
            person = self.world.people[min(old.members)]
            leaving = self.world.post(old, person, {"migrate_to_chat_id": new.id})
            self.world.tell("message", leaving, old)
            coming = self.world.post(new, person, {"migrate_from_chat_id": old.id})
            self.world.tell("message", coming, new)
            old.migrated_to = new.id
            return new.id
