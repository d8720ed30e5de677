"""One module per noun: the rows, as the ORM sees them. Migrations make the tables; these only read and write them."""

from services.db.tables.andon import AndonCall, AndonLadder, AndonLadderStep, AndonNotification, AndonRule
from services.db.tables.audit import AuditEntry, AuditLink
from services.db.tables.base import Row
from services.db.tables.branding import Branding
from services.db.tables.custom_fields import CustomConversion, CustomField, CustomKey
from services.db.tables.files import KeptFile
from services.db.tables.identity import (
    ApiKey,
    ApiKeyUse,
    IdempotencyKey,
    Organization,
    OwnRole,
    RefreshToken,
    RoleGrant,
    SignInProvider,
    SignInSession,
    UsedSignIn,
    User,
    UserBadge,
    UserIdentity,
    UserInvitation,
    UserRole,
)
from services.db.tables.machine_time import (
    DirtyHour,
    HourlyFact,
    MachineHour,
    MachineStateChange,
    MachineStatus,
    ShiftFact,
)
from services.db.tables.operations import OrganizationFeature, Task
from services.db.tables.orders import (
    Material,
    NumberSeries,
    Operation,
    Reversal,
    Routing,
    RoutingOperation,
    WorkOrder,
)
from services.db.tables.plant import CycleTime, Department, Lane, Machine, MachinePlace, Plant, Reason
from services.db.tables.production import BookingKey, CounterReading, ProductionLogEntry, ProductionRun, RunTotal
from services.db.tables.shifts import Crew, CrewMember, ShiftExceptionRow, ShiftOccurrenceRow, ShiftTemplateRow

__all__ = [
    "AndonCall",
    "AndonLadder",
    "AndonLadderStep",
    "AndonNotification",
    "AndonRule",
    "ApiKey",
    "ApiKeyUse",
    "AuditEntry",
    "AuditLink",
    "BookingKey",
    "Branding",
    "CounterReading",
    "Crew",
    "CrewMember",
    "CustomConversion",
    "CustomField",
    "CustomKey",
    "CycleTime",
    "Department",
    "DirtyHour",
    "HourlyFact",
    "IdempotencyKey",
    "KeptFile",
    "Lane",
    "Machine",
    "MachineHour",
    "MachinePlace",
    "MachineStateChange",
    "MachineStatus",
    "Material",
    "NumberSeries",
    "Operation",
    "Organization",
    "OrganizationFeature",
    "OwnRole",
    "Plant",
    "ProductionLogEntry",
    "ProductionRun",
    "Reason",
    "RefreshToken",
    "Reversal",
    "RoleGrant",
    "Routing",
    "RoutingOperation",
    "Row",
    "RunTotal",
    "ShiftExceptionRow",
    "ShiftFact",
    "ShiftOccurrenceRow",
    "ShiftTemplateRow",
    "SignInProvider",
    "SignInSession",
    "Task",
    "UsedSignIn",
    "User",
    "UserBadge",
    "UserIdentity",
    "UserInvitation",
    "UserRole",
    "WorkOrder",
]
