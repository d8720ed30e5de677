"""How organizations look: colours, words and pictures."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql

revision = "0014"
down_revision = "0013"

PICTURES = ("logo", "logo_dark", "favicon", "sign_in_picture", "mail_logo")


def upgrade() -> None:
    """Make the table; an organization without a row looks as Unison does."""
    columns = ",\n".join(f"      {picture}_id uuid" for picture in PICTURES)
    references = ",\n".join(
        f"      CONSTRAINT branding_{picture}_fk FOREIGN KEY (org_id, {picture}_id) REFERENCES files (org_id, id)"
        for picture in PICTURES
    )
    run_sql(f"""
    CREATE TABLE branding (
      id uuid CONSTRAINT branding_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT branding_organization_fk REFERENCES organizations (id),
      name text NOT NULL DEFAULT '',
      colors jsonb NOT NULL DEFAULT '{{}}' CONSTRAINT branding_colors_ck CHECK (jsonb_typeof(colors) = 'object'),
      wall_text text NOT NULL DEFAULT '',
      sign_in_text text NOT NULL DEFAULT '',
      mail_text text NOT NULL DEFAULT '',
      pdf_text text NOT NULL DEFAULT '',
{columns},
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT branding_org_uq UNIQUE (org_id, id),
      CONSTRAINT branding_once_uq UNIQUE (org_id),
{references}
    )
    """)
    isolate_v1("branding", grants="SELECT, INSERT, UPDATE")
    audit_v1("branding")
    comment_v1(
        "branding",
        "How an organization looks; at most one row each",
        name="How it calls itself on screens; empty for the name of the organization",
        colors="By mode (light, dark) and role (accent, primary, ...): the colours that replace ours, as #rrggbb",
        wall_text="Above walls, beside the logo",
        sign_in_text="On the sign-in page, below the name",
        mail_text="Below the logo of mails",
        pdf_text="Beside the logo of printed documents, several lines",
        mail_logo_id="The logo as a PNG of the size in which mails show it",
    )
