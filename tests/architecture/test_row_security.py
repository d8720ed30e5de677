"""Every table is isolated by organization and plant, or is listed as global with a reason."""

from services.db.engine import Database, refuse_powerful_role
from tests.architecture.schema import APP_ROLE, GLOBAL_TABLES, OWNER_ROLE, Table
from tests.factories import Connection

ORGANIZATION = "= ( SELECT app.current_org() AS current_org))"
PLANTS = "COALESCE(({column} = ANY (( SELECT app.visible_plants() AS visible_plants)::uuid[])), ({column} IS NOT NULL))"
ALSO_WITHOUT_PLANT = frozenset({"audit_log", "custom_keys"})
"""Tables with rows of the whole organization beside those of one plant."""

INSERT_ONLY = {
    "audit_log": frozenset({"SELECT"}),
    "audit_chain": frozenset({"SELECT"}),
    "production_log": frozenset({"SELECT", "INSERT"}),
    "booking_keys": frozenset({"SELECT", "INSERT"}),
}
"""What the runtime role may do with the tables that nobody rewrites."""

POLICIES_OF_THE_OWNER = {
    ("users", "sign_in"): "app.sign_in_candidates() runs as the owner",
    ("organizations", "sign_in"): "app.sign_in_candidates() and app.find_organization() run as the owner",
    ("user_invitations", "sign_in"): "app.find_invitation() runs as the owner",
    ("sign_in_policies", "sign_in"): "app.lock_of_sign_in() runs as the owner",
    ("password_resets", "sign_in"): "app.find_password_reset() runs as the owner",
    ("api_keys", "sign_in"): "app.find_api_key() runs as the owner",
    ("webhooks", "turns"): "app.take_deliveries() runs as the owner",
    ("webhook_deliveries", "turns"): "app.take_deliveries() runs as the owner",
    ("dirty_hours", "upkeep"): "app.organizations_with_dirty_hours() runs as the owner",
}
"""Policies beside the organization's, each with the reason; they may serve the owner only."""

FUNCTIONS_WITH_OWNER_RIGHTS = {
    "app.audit()": "the runtime role cannot write the audit log",
    "app.note_audit(text,text,uuid,jsonb)": "the runtime role cannot write the audit log",
    "app.audited_organizations()": "the doctor verifies the audit of every organization",
    "app.bind_webhooks()": "only the owner binds queues",
    "app.queues()": "the runtime role reads no archive but that of jobs",
    "app.kept_files()": "adds up what files take; it enters one organization after the other and tells sums only",
    "app.purge_job_runs(interval)": "no tenant is set in upkeep; it enters one organization after the other",
    "app.take_deliveries(integer,integer,integer,integer,interval)": "organizations take turns; it enters each of them",
    "app.seal_audit()": "the runtime role cannot write the chain",
    "app.seal_audit_of(uuid,bigint)": "the runtime role cannot write the chain",
    "app.verify_audit(bigint,bigint,bytea,integer)": "a chain is verified whole, whichever plants its reader sees",
    "app.ensure_months(timestamp with time zone,timestamp with time zone)": "only the owner makes tables",
    "app.sign_in_candidates(text,text)": "looks users up before a tenant is known",
    "app.find_invitation(bytea)": "looks the user whom a link invites up before a tenant is known",
    "app.lock_of_sign_in(text)": "looks up how sign-ins are locked before a tenant is known",
    "app.purge_sign_in_attempts()": "upkeep of what belongs to no organization",
    "app.find_password_reset(bytea)": "looks the user whose password a link resets up before a tenant is known",
    "app.find_api_key(bytea)": "looks an API key up before a tenant is known",
    "app.find_organization(text)": "looks an organization up before a tenant is known",
    "app.platform()": "looks the platform's own organization up for commands",
    "app.found_platform(uuid,text,text)": "no runtime role makes an organization the platform by itself",
    "app.organization_ids(text,integer)": "lists organizations for the platform's own, and refuses all others",
    "app.organization_facts(uuid[])": "counts what organizations hold for the platform's own, and refuses all others",
    "app.edit_organization(uuid,integer,text,text,text,boolean)": "renames and suspends for the platform's own only",
    "app.plan_deletion(uuid,integer,timestamp with time zone,uuid)": "ends the own organization only",
    "app.keep_organization(uuid)": "takes that back",
    "app.deletions_seen()": "shows the end of the own organization, or of others to the platform",
    "app.due_deletions()": "no tenant is set in the job that looks for what is due",
    "app.begin_deletion(uuid)": "no runtime role suspends an organization by itself; refuses what is not due",
    "app.delete_rows(uuid,text,integer)": "the runtime role deletes no history; refuses what has not begun",
    "app.empty_references(uuid,text,integer)": "as app.delete_rows()",
    "app.note_deletion(uuid,bigint,bigint)": "as app.delete_rows()",
    "app.end_deletion(uuid)": "as app.delete_rows()",
    "app.organization_of_address(text,text)": "tells whose sign-in page an address is, before a tenant is known",
    "app.has_organizations()": "asks whether the installation is empty",
    "app.organizations()": "jobs of the system do something for each organization",
    "app.organizations_with_dirty_hours()": "no tenant is set in the job that adds hours up",
    "app.open_live_queue(text,text[])": "only the owner makes queues",
    "app.close_live_queue(text)": "only the owner unbinds queues",
    "app.reap_live_queues(interval)": "only the owner drops queues",
    "app.purge_idempotency_keys(interval)": "no tenant is set in upkeep; it enters one organization after the other",
    "app.purge_sign_ins(interval)": "no tenant is set in upkeep; it enters one organization after the other",
}
"""Every SECURITY DEFINER function, with the reason."""

FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, p.prosecdef AS has_owner_rights, p.proconfig AS config,
       p.prosqlbody IS NOT NULL AS is_parsed,
       obj_description(p.oid, 'pg_proc') AS about, has_function_privilege($1, p.oid, 'EXECUTE') AS app_may,
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) AS all_may
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($2)
"""


class TestTables:
    def test_belong_to_an_organization_or_are_listed_as_global(self, tables: list[Table]) -> None:
        unexplained = [
            table.full_name
            for table in tables
            if not table.is_partition
            and table.full_name not in GLOBAL_TABLES
            and not (table.schema == "public" and table.org_column in table.columns)
        ]

        assert unexplained == []

    def test_of_the_global_list_still_exist_and_hold_no_organization(self, tables: list[Table]) -> None:
        by_name = {table.full_name: table for table in tables}

        assert set(GLOBAL_TABLES) <= set(by_name)
        assert [name for name in GLOBAL_TABLES if "org_id" in by_name[name].columns] == []

    def test_are_tables_because_a_view_would_show_its_owners_rows(self, tables: list[Table]) -> None:
        assert {table.full_name: table.kind for table in tables if table.kind not in {"r", "p"}} == {}

    def test_belong_to_the_owner(self, tables: list[Table]) -> None:
        assert {table.full_name for table in tables if table.owner != OWNER_ROLE} == set()

    def test_have_row_security_enabled_and_forced(self, tables: list[Table]) -> None:
        open_tables = [
            table.full_name
            for table in tables
            if table.full_name not in GLOBAL_TABLES and not (table.is_secured and table.is_forced)
        ]

        assert open_tables == []

    def test_compare_the_organization_for_reading_and_writing(self, isolated: list[Table]) -> None:
        wrong = []
        for table in isolated:
            policy = next((policy for policy in table.policies if policy.name == "organization"), None)
            expected = f"({table.org_column} {ORGANIZATION}"
            if policy is None or (policy.is_permissive, policy.command, policy.roles, policy.using, policy.check) != (
                True, "*", ("PUBLIC",), expected, expected,
            ):  # fmt: skip
                wrong.append((table.name, policy))

        assert wrong == []

    def test_limit_rows_to_plants_exactly_where_rows_belong_to_a_plant(self, isolated: list[Table]) -> None:
        wrong = []
        for table in isolated:
            limits = [policy for policy in table.policies if not policy.is_permissive]
            if table.plant_column is None:
                fits = limits == []
            else:
                column = table.plant_column
                expected = PLANTS.format(column=column)
                if table.name in ALSO_WITHOUT_PLANT:
                    expected = f"(({column} IS NULL) OR {expected})"
                fits = [(limit.command, limit.roles, limit.using, limit.check) for limit in limits] == [
                    ("*", ("PUBLIC",), expected, expected)
                ]
            if not fits:
                wrong.append((table.name, limits))

        assert wrong == []

    def test_have_no_other_policy_that_opens_them_to_the_runtime_role(self, isolated: list[Table]) -> None:
        others = {
            (table.name, policy.name): policy
            for table in isolated
            for policy in table.policies
            if policy.is_permissive and policy.name != "organization"
        }

        assert set(others) == set(POLICIES_OF_THE_OWNER)
        assert {policy.roles for policy in others.values()} == {(OWNER_ROLE,)}
        assert {policy.command for policy in others.values()} == {"r"}


class TestPartitions:
    def test_exist_for_this_month_and_the_next(self, tables: list[Table]) -> None:
        assert len([table for table in tables if table.is_partition]) >= 6

    def test_have_no_door_of_their_own(self, tables: list[Table]) -> None:
        doors = {
            table.name: (table.grants, table.grantees, table.policies)
            for table in tables
            if table.is_partition and (table.grants or table.grantees - {OWNER_ROLE} or table.policies)
        }

        assert doors == {}

    async def test_made_later_have_none_either(self, app_connection: Connection, tables: list[Table]) -> None:
        parents = {table.name for table in tables if table.kind == "p"}
        transaction = app_connection.transaction()
        await transaction.start()

        await app_connection.execute("SELECT app.ensure_months('2011-05-01', '2011-05-01')")
        rows = await app_connection.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS secured, relacl,"
            " (SELECT array_agg(tgname) FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal) AS triggers"
            " FROM pg_class WHERE relname LIKE '%\\_2011\\_05' AND relkind = 'r'"
        )
        await transaction.rollback()

        assert {row["relname"].removesuffix("_2011_05") for row in rows} == parents
        assert {(row["secured"], row["relacl"]) for row in rows} == {(True, None)}
        audited = {table.name for table in tables if table.kind == "p" and "audit" in table.triggers}
        assert {row["relname"].removesuffix("_2011_05") for row in rows if row["triggers"]} == audited


class TestRuntimeRole:
    async def test_is_neither_owner_nor_superuser_and_bypasses_nothing(
        self, superuser_connection: Connection, database: Database
    ) -> None:
        role = await superuser_connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
            " EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS is_member,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid) AS owns,"
            " has_schema_privilege(rolname, 'public', 'CREATE') OR has_schema_privilege(rolname, 'app', 'CREATE')"
            "   AS may_create FROM pg_roles WHERE rolname = $1",
            APP_ROLE,
        )

        assert role is not None
        assert {name for name, value in role.items() if value} == set()
        await refuse_powerful_role(database)

    def test_may_never_truncate_because_that_ignores_row_security(self, tables: list[Table]) -> None:
        excessive = {
            table.full_name: powers
            for table in tables
            if (powers := table.grants & {"TRUNCATE", "REFERENCES", "TRIGGER"})
        }

        assert excessive == {}

    def test_may_only_add_to_what_nobody_rewrites(self, isolated: list[Table]) -> None:
        assert {table.name: table.grants for table in isolated if table.name in INSERT_ONLY} == INSERT_ONLY

    def test_shares_the_tables_with_nobody(self, tables: list[Table]) -> None:
        strangers = {
            table.full_name: table.grantees - {OWNER_ROLE, APP_ROLE}
            for table in tables
            if table.grantees - {OWNER_ROLE, APP_ROLE}
        }

        assert strangers == {}


class TestFunctions:
    async def test_with_the_owners_rights_are_listed(self, superuser_connection: Connection) -> None:
        functions = await superuser_connection.fetch(FUNCTIONS, APP_ROLE, ["app", "public", "pgmq"])

        assert {row["name"] for row in functions if row["has_owner_rights"]} == set(FUNCTIONS_WITH_OWNER_RIGHTS)

    async def test_fix_their_search_path(self, superuser_connection: Connection) -> None:
        functions = await superuser_connection.fetch(FUNCTIONS, APP_ROLE, ["app", "public"])

        open_ones = [row for row in functions if not row["is_parsed"]]  # names in a parsed body are settled
        loose = {row["name"] for row in open_ones if not any("search_path=" in c for c in row["config"] or ())}
        assert loose == set()
        owners = {row["name"]: row["config"] for row in functions if row["has_owner_rights"]}
        assert {name for name, config in owners.items() if not config[0].endswith("pg_temp")} == set()

    async def test_say_what_they_do(self, superuser_connection: Connection) -> None:
        functions = await superuser_connection.fetch(FUNCTIONS, APP_ROLE, ["app", "public"])

        assert {row["name"] for row in functions if not row["about"]} == set()

    async def test_can_be_called_by_the_runtime_role_only(self, superuser_connection: Connection) -> None:
        functions = await superuser_connection.fetch(FUNCTIONS, APP_ROLE, ["app", "public"])

        assert {row["name"] for row in functions if row["all_may"]} == set()
        assert {row["name"] for row in functions if not row["app_may"]} == {
            "app.audit()", "app.enter_deletion(uuid)", "app.seal_audit_of(uuid,bigint)",
        }  # fmt: skip
