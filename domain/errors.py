"""The five ways in which the system says no.

Each specific error is a subclass beside its rule. It carries a stable `code` (programs branch on it), a
translatable `sentence` that tells a person what to do, and the `fields` that the sentence names.
"""

from typing import ClassVar


def marked(sentence: str) -> str:
    """Mark a sentence for translation without translating it here; the screen or the API does that."""
    return sentence


class UnisonError(Exception):
    """Anything that the system refuses for a reason a person can act on."""

    code: ClassVar[str] = "error"
    sentence: ClassVar[str] = marked("Something went wrong.")

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.sentence.format_map(_Shown(fields)))


class _Shown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


class NotFound(UnisonError):
    """It does not exist, or belongs to somebody else: the two look the same on purpose."""

    code = "not_found"
    sentence = marked("There is no {what} with this id.")


class Forbidden(UnisonError):
    """The person or program is known, and may not do this."""

    code = "forbidden"
    sentence = marked("You may not do this. It needs the right “{permission}”.")


class Conflict(UnisonError):
    """What was asked does not fit the present state of the thing."""

    code = "conflict"
    sentence = marked("This was changed by someone else in the meantime. Look again, then repeat what you want.")


class Invalid(UnisonError):
    """A value is wrong; `fields` may hold `field`, the name of the input at fault."""

    code = "invalid"
    sentence = marked("The value of “{field}” cannot be used.")


class Unavailable(UnisonError):
    """Something that we depend on does not answer right now; asking again later can help."""

    code = "unavailable"
    sentence = marked("The system cannot be reached right now. Nothing was lost; try again in a moment.")
