"""`clawback accounts` and `clawback tokens`: who may come in by the portal and the API."""

from __future__ import annotations

import sys

import click

from clawback.cli.options import as_json, more, page
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit, to_json
from clawback.response.people import Account, Permission, Role

ACCOUNTS = (
    Column("Name", lambda a: a.name, whole=True),
    Column("Role", lambda a: a.role.value, whole=True),
    Column("Contents", lambda a: "yes" if a.content else "no", whole=True),
    Column("TOTP", lambda a: "yes" if a.totp else "no", whole=True),
    Column("State", lambda a: "disabled" if a.disabled else "may come in", whole=True),
    Column("Since", lambda a: a.created_at, whole=True, spare=1),
)
TOKENS = (
    Column("Id", lambda t: t.id, whole=True),
    Column("Account", lambda t: t.account, whole=True),
    Column("Label", lambda t: t.label),
    Column("Scopes", lambda t: " ".join(sorted(scope.value for scope in t.scopes)), wrap=True),
    Column("Expires", lambda t: t.expires_at, whole=True),
    Column("Used", lambda t: t.used_at or "never", whole=True, spare=2),
    Column("Revoked", lambda t: t.revoked_at or "", whole=True, spare=1),
)
ROLES = click.Choice([role.value for role in Role])


@click.group()
def accounts() -> None:
    """Who may come in by the portal and the API, and what they may do."""


@accounts.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What the person may do.")
@click.option("--content", is_flag=True, help="May see bodies too; a reason is asked each time.")
@click.option("--ask-password", is_flag=True, help="Ask for the password instead of making one.")
@click.option("--oidc", is_flag=True, help="No password: NAME comes in by OpenID Connect.")
@click.pass_obj
def add(session: Session, name: str, role: str, content: bool, ask_password: bool, oidc: bool) -> None:
    """Let NAME in from now on; prints the password once.

    \b
    Examples:
      clawback accounts add ann --role analyst
      clawback accounts add ben@example.org --role approver --oidc
    """
    from clawback.engine.accounts import add_account

    chosen = _asked() if ask_password else None
    with session.app() as app:
        account, password = add_account(
            app.parts, name, Role(role), session.actor, content=content, password=chosen, by_oidc=oidc
        )
    click.echo(f"{account.name} may come in as {account.role.value}")
    if password and chosen is None:
        click.echo(f"password: {password} (shown this once)")


@accounts.command(name="list")
@page
@as_json
@click.pass_obj
def list_(session: Session, limit: int, cursor: str, as_json: bool) -> None:
    """List accounts, newest first."""
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.accounts.list(limit=limit, cursor=cursor)
    emit(rows, ACCOUNTS, as_json, nothing="No accounts yet: the first start of the portal makes one.")
    more(after)


@accounts.command(name="set")
@click.argument("name")
@click.option("--role", type=ROLES, help="What the person may do.")
@click.option("--content/--no-content", default=None, help="Whether bodies may be seen.")
@click.pass_obj
def set_(session: Session, name: str, role: str | None, content: bool | None) -> None:
    """Change what NAME may do; who is signed in by that name is signed out."""
    _change(session, name, role=Role(role) if role else None, content=content)


@accounts.command()
@click.argument("name")
@click.pass_obj
def disable(session: Session, name: str) -> None:
    """Let NAME in no more; sessions end and tokens open nothing."""
    _change(session, name, disabled=True)


@accounts.command()
@click.argument("name")
@click.pass_obj
def enable(session: Session, name: str) -> None:
    """Let NAME in again."""
    _change(session, name, disabled=False)


@accounts.command()
@click.argument("name")
@click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")
@click.pass_obj
def password(session: Session, name: str, ask: bool) -> None:
    """Give NAME another password; prints it once."""
    from clawback.engine.accounts import set_password

    chosen = _asked() if ask else None
    with session.app() as app:
        made = set_password(app.parts, name, session.actor, chosen)
    click.echo(f"{name} has another password" if chosen else f"password: {made} (shown this once)")


@accounts.command()
@click.argument("name")
@click.pass_obj
def oidc(session: Session, name: str) -> None:
    """Let NAME in by OpenID Connect only: the password is taken, and sessions end.

    The next person to whom the identity provider gives that name opens the account, and nobody else after.
    `clawback accounts password NAME` turns it back.
    """
    from clawback.engine.accounts import set_oidc

    with session.app() as app:
        account = set_oidc(app.parts, name, session.actor)
    click.echo(f"{account.name} comes in by OpenID Connect")


@accounts.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="Ask for no code any more.")
@click.pass_obj
def totp(session: Session, name: str, off: bool) -> None:
    """Ask NAME for a code when signing in; prints what an authenticator app reads, once."""
    from clawback.engine.accounts import set_totp

    with session.app() as app:
        uri = set_totp(app.parts, name, session.actor, on=not off)
    click.echo(f"{name} is asked for no code" if off else f"for the app of {name}: {uri} (shown this once)")


def _change(
    session: Session,
    name: str,
    *,
    role: Role | None = None,
    content: bool | None = None,
    disabled: bool | None = None,
) -> None:
    from clawback.engine.accounts import change_account

    with session.app() as app:
        account: Account = change_account(
            app.parts, name, session.actor, role=role, content=content, disabled=disabled
        )
    emit([account], ACCOUNTS, False)


def _asked() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@click.group()
def tokens() -> None:
    """API tokens: each belongs to an account, may do what its scopes say, and expires."""


@tokens.command()
@click.argument("account")
@click.option("--label", default="command line", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([permission.value for permission in Permission]),
    help="What it may do (default: all that its account may).",
)
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=90, show_default=True, help="Until it expires."
)
@as_json
@click.pass_obj
def new(
    session: Session, account: str, label: str, scopes: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make a token for ACCOUNT; prints its secret once.

    \b
    Example:
      clawback tokens new ann --label report --scope read --days 30
    """
    from clawback.engine.accounts import new_token

    with session.app() as app:
        token, secret = new_token(app.parts, account, label, scopes, days, session.actor)
    if as_json:
        click.echo(to_json({"token": token, "secret": secret}), nl=False)
        return
    emit([token], TOKENS, False)
    click.echo(f"token: {secret} (shown this once)")


@tokens.command(name="list")
@click.option("--account", help="Only those of this account.")
@page
@as_json
@click.pass_obj
def list_tokens(session: Session, account: str | None, limit: int, cursor: str, as_json: bool) -> None:
    """List tokens, newest first, without their secrets."""
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.tokens.list(account=account, limit=limit, cursor=cursor)
    emit(rows, TOKENS, as_json, nothing="No tokens.")
    more(after)


@tokens.command()
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke(session: Session, token_id: str) -> None:
    """Let a token open nothing any more. ID is that of the token (tok-...)."""
    from clawback.engine.accounts import revoke_token

    with session.app() as app:
        token = revoke_token(app.parts, token_id, session.actor)
    click.echo(f"{token.id} of {token.account} opens nothing any more")
