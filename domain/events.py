"""The entire live vocabulary: every fact that travels from a committed transaction to screens and processes.

An event carries ids and small scalars, never rows: whoever hears it loads what it shows, under its own rights.
"""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact of one organization, named in the past tense and routed by its topic (`area.noun.verb`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: ClassVar[str]
    stays_inside: ClassVar[bool] = False
    """Whether only screens hear of it: webhooks are never told, and cannot ask for it."""


class ProductionReported(Event):
    """Pieces were booked on a machine. Read by Andon walls, the plant overview and the machine's terminal."""

    topic = "production.log.reported"
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID


class ProductionRunChanged(Event):
    """A run started, paused, resumed or ended on a machine. Read by walls, the plant overview and the terminal."""

    topic = "production.run.changed"
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID


class MachineStateChanged(Event):
    """A machine entered another state or its reason changed. Read by walls, the plant overview and the terminal."""

    topic = "plant.machine.state_changed"
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID


class PlantModelChanged(Event):
    """A plant, department, lane or machine was created or edited. Read by every board of the plant."""

    topic = "plant.model.changed"
    plant_id: UUID


class AndonCallChanged(Event):
    """A call was raised, joined, acknowledged, resolved or closed. Read by walls, the overview and terminals."""

    topic = "andon.call.changed"
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID
    call_id: UUID


class AndonCallEscalated(Event):
    """A step of a call's ladder fired. Read by the pages of the people it tells, by walls and by terminals."""

    topic = "andon.call.escalated"
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID
    call_id: UUID
    step: int


class WorkOrderChanged(Event):
    """An order was made, edited, released, held, split or ended. Read by order boards and the order's page."""

    topic = "production.order.changed"
    plant_id: UUID
    work_order_id: UUID


class OperationChanged(Event):
    """An operation got ready, started, paused, made pieces or ended. Read by order boards, the order's page and the
    terminals of its work centre."""

    topic = "production.operation.changed"
    plant_id: UUID
    work_order_id: UUID
    operation_id: UUID


class ShiftsChanged(Event):
    """Templates, exceptions or crews of a lane changed, and with them its shifts. Read by shift and KPI screens."""

    topic = "plant.shift.changed"
    plant_id: UUID
    lane_id: UUID


class HourlyFactsChanged(Event):
    """Hours of a plant's machines were added up again. Read by KPI screens."""

    topic = "plant.fact.changed"
    plant_id: UUID


class SessionRevoked(Event):
    """A sign-in session ended (sign-out, reuse of a refresh token, revocation). Read by every server process,
    which forgets the session and closes its live screens."""

    topic = "identity.session.revoked"
    session_id: UUID


class UserChanged(Event):
    """A user's name, roles, plants or activity changed. Read by every server process, which forgets what it knew."""

    topic = "identity.user.changed"
    user_id: UUID


class CustomFieldConverted(Event):
    """The change of a field's type began, moved on or ended. Read by the set-up of fields and the dialog about it."""

    topic = "custom.conversion.moved"
    entity: str
    conversion_id: UUID


class RolesChanged(Event):
    """A role of an organization was made, edited or taken away. Read by every server process, which forgets what its
    people may, looks at their open screens again, and by the set-up of roles."""

    topic = "identity.role.changed"
    key: str


class CustomFieldsChanged(Event):
    """Fields that an organization gave to a kind of its things changed. Read by open forms, tables and the set-up."""

    topic = "custom.field.changed"
    entity: str


class ApiKeyRevoked(Event):
    """A key of a program opens nothing any more. Read by every server process, which forgets the key."""

    topic = "identity.api_key.revoked"
    api_key_id: UUID


class BrandingChanged(Event):
    """An organization's colours, words or pictures changed. Read by every server process, whose screens of that
    organization change with it."""

    topic = "identity.branding.changed"
    version: int


class OrganizationEdited(Event):
    """The platform renamed, suspended or resumed an organization. Read by every server process, which forgets what it
    knew of its people and keys, and closes the screens of a suspended one."""

    topic = "platform.organization.edited"
    organization_id: UUID


class DeletionMoved(Event):
    """The end of an organization was planned, taken back, begun, got on or is over. Read by the page of the
    organization's data and, in the platform's own organization, by the page of organizations."""

    topic = "system.deletion.moved"
    organization_id: UUID


class TaskMoved(Event):
    """A long task was started, got on, ended or was cancelled. Read by the page of tasks and by who waits for it."""

    topic = "system.task.moved"
    task_id: UUID
    kind: str


class JobMoved(Event):
    """A job of the organization was queued, begun, ended, tried again or taken back. Read by the pages of jobs and of
    health. To tell a webhook of a job is a job itself, which would go on for ever: it stays inside."""

    topic = "system.job.moved"
    stays_inside = True
    job: str


class OrganizationChanged(Event):
    """An organization switched a feature on or off. Read by every server process, which forgets what its people may,
    and looks at their open screens again."""

    topic = "system.organization.changed"
    feature: str


class WebhookMoved(Event):
    """A webhook was made, edited or removed, or a message to it was made, taken or refused. Read by the set-up of
    webhooks. To tell a webhook of it would make the next one, for ever: it stays inside."""

    topic = "integration.webhook.moved"
    stays_inside = True
    webhook_id: UUID


EVENTS: dict[str, type[Event]] = {event.topic: event for event in Event.__subclasses__()}
