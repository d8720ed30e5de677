"""Reasons in the language of whoever reads them."""

from migrations.policies import APP_ROLE, comment_v1, run_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Let an organization write its reasons in several languages."""
    run_sql("""
    ALTER TABLE reasons ADD COLUMN translations jsonb NOT NULL DEFAULT '{}'
      CONSTRAINT reasons_translations_ck CHECK (jsonb_typeof(translations) = 'object');
    CREATE FUNCTION app.spoken(words text, translations jsonb) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(translations ->> current_setting('app.language', true), ''), words);
    COMMENT ON FUNCTION app.spoken(text, jsonb) IS
      'An organization''s own words in the language of this transaction, else as they were first written';
    REVOKE ALL ON FUNCTION app.spoken FROM PUBLIC;
    """)
    run_sql(f"GRANT EXECUTE ON FUNCTION app.spoken TO {APP_ROLE}")
    comment_v1(
        "reasons",
        "Why a machine stood still or a piece was not good",
        label="What people read in a language that translations leave out",
        translations="What people read, by language (BCP 47)",
    )
