"""Sign-in through an organization's own provider (OpenID Connect), and whom it vouched for."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    run_sql("""
    CREATE TABLE sign_in_providers (
      id uuid CONSTRAINT sign_in_providers_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT sign_in_providers_organization_fk REFERENCES organizations (id),
      label text NOT NULL,
      issuer text NOT NULL,
      client_id text NOT NULL,
      client_secret bytea,
      email_domains text[] NOT NULL,
      new_user_role text,
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT sign_in_providers_org_uq UNIQUE (org_id, id)
    )
    """)
    isolate_v1("sign_in_providers")
    audit_v1("sign_in_providers", hidden=("client_secret",))
    comment_v1(
        "sign_in_providers",
        "OpenID Connect providers through which an organization's people sign in",
        label="What the button of the sign-in page says",
        issuer="Where the provider describes itself, below /.well-known/openid-configuration",
        client_secret="Encrypted under a key that is derived from the installation's; null for a public client",  # noqa: S106
        email_domains="Only people with a confirmed address in one of these come in; empty means any",
        new_user_role="Role of people who come for the first time; null lets in nobody who is no user already",
    )
    run_sql("""
    CREATE TABLE user_identities (
      org_id uuid NOT NULL,
      provider_id uuid NOT NULL,
      subject text NOT NULL,
      user_id uuid NOT NULL,
      linked_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT user_identities_pk PRIMARY KEY (org_id, provider_id, subject),
      CONSTRAINT user_identities_user_uq UNIQUE (org_id, provider_id, user_id),
      CONSTRAINT user_identities_provider_fk FOREIGN KEY (org_id, provider_id)
        REFERENCES sign_in_providers (org_id, id) ON DELETE CASCADE,
      CONSTRAINT user_identities_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    )
    """)
    isolate_v1("user_identities")
    audit_v1("user_identities")
    comment_v1(
        "user_identities",
        "Who a provider's people are here: linked by their confirmed address once, known by their subject afterwards",
        subject="The provider's own name for the person, which stays when the address changes",
    )
    run_sql("""
    CREATE TABLE used_sign_ins (
      org_id uuid NOT NULL CONSTRAINT used_sign_ins_organization_fk REFERENCES organizations (id),
      state_digest bytea NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT used_sign_ins_pk PRIMARY KEY (org_id, state_digest)
    )
    """)
    isolate_v1("used_sign_ins")
    comment_v1(
        "used_sign_ins",
        "Sign-ins through providers that came back, so that none comes back twice on any server process",
        state_digest="SHA-256 of the state that travelled to the provider and back",
        expires_at="From when on it could not come back anyway",
    )
