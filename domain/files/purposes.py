"""What files are kept for, and who may read them."""

from enum import StrEnum

from domain.identity.roles import Permission


class FilePurpose(StrEnum):
    """Why a file is kept; each purpose names the right that reads it."""

    BRANDING = "branding"  # a logo, favicon or picture of the organization
    CUSTOM_FIELD = "custom_field"  # a value that somebody attached to a thing
    EXPORT = "export"  # everything of the organization, packed by a job


READ_WITH: dict[FilePurpose, Permission] = {
    FilePurpose.BRANDING: Permission.READ_FILES,
    FilePurpose.CUSTOM_FIELD: Permission.READ_FILES,
    FilePurpose.EXPORT: Permission.OPEN_EXPORTS,
}
