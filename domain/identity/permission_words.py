"""Every permission in a sentence: what whoever has it may do."""

from domain.errors import marked
from domain.identity.roles import Permission

SENTENCES: dict[Permission, str] = {
    Permission.READ_PLANT: marked("See plants, lanes, machines, reasons, shifts and stops"),
    Permission.EDIT_PLANT: marked("Set up plants, departments, lanes, machines, reasons and cycle times"),
    Permission.CHANGE_MACHINE_STATE: marked("Say that a machine stops, sets up or runs"),
    Permission.CLASSIFY_STOPS: marked("Say why a machine stood"),
    Permission.EDIT_SHIFTS: marked("Plan shifts and crews"),
    Permission.READ_PRODUCTION: marked("See what machines make: walls, the plant and terminals"),
    Permission.REPORT_PRODUCTION: marked("Report pieces at a terminal"),
    Permission.REVERSE_PRODUCTION: marked("Take one's own report back, for a short time"),
    Permission.CORRECT_PRODUCTION: marked("Take anybody's report back or correct it, at any time"),
    Permission.READ_ORDERS: marked("See orders, materials and routings"),
    Permission.EDIT_ORDERS: marked("Plan, release and end orders, and write materials and routings"),
    Permission.WORK_OPERATIONS: marked("Start, pause and finish operations of orders"),
    Permission.READ_METRICS: marked("See KPIs and shift reports"),
    Permission.IMPORT_PRODUCTION: marked("Import production of the past"),
    Permission.READ_ANDON: marked("See Andon calls"),
    Permission.RAISE_ANDON: marked("Call for help"),
    Permission.ANSWER_ANDON: marked("Answer calls and resolve them"),
    Permission.SHELVE_ANDON: marked("Put calls on the shelf and take them down"),
    Permission.READ_LADDERS: marked("See escalation ladders and rules"),
    Permission.EDIT_LADDERS: marked("Write escalation ladders and rules"),
    Permission.USE_KIOSK: marked("Be a device at which people identify themselves"),
    Permission.READ_USERS: marked("See the people of the organization"),
    Permission.EDIT_USERS: marked("Invite people, edit and deactivate them, and give badges and PINs"),
    Permission.READ_ROLES: marked("See roles, and what each person may do and why"),
    Permission.EDIT_ROLES: marked("Make roles and say what they grant"),
    Permission.ASSIGN_ROLES: marked("Give roles to people and take them away"),
    Permission.EDIT_FIELDS: marked("Give things fields of the organization's own"),
    Permission.READ_FILES: marked("Open files that are attached to things"),
    Permission.ADD_FILES: marked("Attach files to things"),
    Permission.OPEN_EXPORTS: marked("Export everything that the organization has, and open such exports"),
    Permission.DELETE_ORGANIZATION: marked("Have the organization deleted, with everything in it"),
    Permission.EDIT_BRANDING: marked("Choose the organization's logo, colours and words"),
    Permission.READ_API_KEYS: marked("See the API keys of programs"),
    Permission.EDIT_API_KEYS: marked("Make and revoke API keys of programs"),
    Permission.READ_SIGN_IN_PROVIDERS: marked("See through which providers people sign in"),
    Permission.READ_SIGN_IN_POLICY: marked("See what is asked of passwords and sign-ins"),
    Permission.EDIT_SIGN_IN_POLICY: marked("Say what is asked of passwords and sign-ins"),
    Permission.EDIT_SIGN_IN_PROVIDERS: marked("Say through which providers people sign in"),
    Permission.READ_WEBHOOKS: marked("See webhooks and what became of their messages"),
    Permission.EDIT_WEBHOOKS: marked("Set up webhooks, and send their messages again"),
    Permission.INSPECT_SYSTEM: marked("See the health of the installation, its settings, jobs and tasks"),
    Permission.EDIT_JOBS: marked("Retry and cancel jobs and tasks"),
    Permission.EDIT_FEATURES: marked("Switch features on and off"),
    Permission.INSPECT_AUDIT: marked("See who changed, read and was refused what, and verify that nobody altered it"),
    Permission.READ_ORGANIZATIONS: marked("See the organizations of the platform"),
    Permission.ADD_ORGANIZATIONS: marked("Make and rename organizations"),
    Permission.SUSPEND_ORGANIZATIONS: marked("Suspend and resume organizations"),
    Permission.DELETE_ORGANIZATIONS: marked("Have suspended organizations deleted"),
}
"""What stands in lists of rights, in the words of the shop floor; a test asks for one per permission."""

AREAS: dict[str, str] = {
    "plant": marked("Plants and machines"),
    "production": marked("Production and orders"),
    "andon": marked("Andon"),
    "identity": marked("People and rights"),
    "custom": marked("Fields of your own"),
    "files": marked("Files"),
    "integration": marked("Other systems"),
    "audit": marked("Audit"),
    "system": marked("System"),
    "platform": marked("Platform"),
}
"""The areas of permissions, in the order of lists of rights."""

ROLE_NAMES: dict[str, str] = {
    "admin": marked("Admin"),
    "supervisor": marked("Supervisor"),
    "operator": marked("Operator"),
    "viewer": marked("Viewer"),
    "terminal": marked("Terminal"),
    "platform": marked("Platform admin"),
}
"""The names of the built-in roles."""
