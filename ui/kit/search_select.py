"""A choice of one of more things than can be listed: what is typed is looked for."""

from collections.abc import Awaitable, Callable, Mapping

from nicegui import background_tasks, ui


def search_select(
    label: str, known: Mapping[str, str], *, find: Callable[[str], Awaitable[dict[str, str]]], value: str | None
) -> ui.select:
    """Draw a choice among what `find` returns for the words that are typed; `known` names what is chosen already."""
    offered = dict(known)
    field = ui.select(dict(offered), label=label, value=value, with_input=True, clearable=True)
    newest = ""

    async def offer(typed: str) -> None:
        nonlocal newest
        newest = typed
        found = await find(typed)
        if newest == typed and not field.is_deleted:
            offered.update(found)
            field.set_options({key: offered[key] for key in (field.value, *found) if key in offered})

    def shown() -> Awaitable[None]:
        is_chosen = offered.get(str(field.value)) == newest  # the words of what was chosen stand there
        return offer("" if is_chosen else newest)

    background_tasks.create(offer(""), name="offer the first things", context=field)
    field.on("popup-show", shown)
    field.on("input-value", lambda event: offer(str(event.args or "")), throttle=0.2, leading_events=False)
    return field
