"""Files: what they are, who brought them; their content lies in the file store."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    run_sql("""
    CREATE TABLE files (
      id uuid CONSTRAINT files_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT files_organization_fk REFERENCES organizations (id),
      purpose text NOT NULL CONSTRAINT files_purpose_ck CHECK (purpose ~ '^[a-z_]{1,40}$'),
      name text NOT NULL,
      media_type text NOT NULL,
      size bigint NOT NULL CONSTRAINT files_size_ck CHECK (size > 0),
      sha256 bytea NOT NULL CONSTRAINT files_sha256_ck CHECK (length(sha256) = 32),
      created_by uuid,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT files_org_uq UNIQUE (org_id, id),
      CONSTRAINT files_creator_fk FOREIGN KEY (org_id, created_by) REFERENCES users (org_id, id)
    );
    CREATE INDEX files_sha256_ix ON files (org_id, sha256);
    """)
    isolate_v1("files", grants="SELECT, INSERT, DELETE")
    audit_v1("files")
    comment_v1(
        "files",
        "Files that people and jobs keep; the bytes lie in the file store under org_id/sha256, once per organization",
        purpose="Why it is kept; decides who may read it",
        size="Bytes",
        sha256="Of the content",
        created_by="The user who brought it; null for the system",
    )
