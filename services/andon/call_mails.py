"""Mails about calls that nobody has answered: sent once the step is committed, again until they are taken."""

from uuid import UUID

from sqlalchemy import text

from domain.errors import NotFound
from services.branding.mails import compose_mail, language_of_mail
from services.db.work import Work
from services.jobs.registry import Job, does
from services.mail import current_mailer
from services.translations import Translate, translator

CALL = text("""
SELECT calls.state, calls.category, calls.severity, calls.note, calls.raised_at AT TIME ZONE plants.time_zone AS raised,
       machines.code, machines.name AS machine, lanes.name AS lane, plants.name AS plant,
       told.is_late, told.fell_back, told.whom, users.email, users.display_name, users.language,
       floor(extract(epoch FROM :now - calls.raised_at) / 60)::integer AS waited_min
FROM andon_notifications AS told
JOIN andon_calls AS calls ON calls.org_id = told.org_id AND calls.id = told.call_id
JOIN machines ON machines.org_id = calls.org_id AND machines.id = calls.machine_id
JOIN lanes ON lanes.org_id = machines.org_id AND lanes.id = machines.lane_id
JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
JOIN users ON users.org_id = told.org_id AND users.id = :user_id
WHERE told.call_id = :call_id AND told.step = :step AND users.id = ANY (told.user_ids)
""")


class SendCallMail(Job):
    """Send one person the mail of one step of a call."""

    name = "andon.mail.send"
    call_id: UUID
    step: int
    user_id: UUID


@does(SendCallMail)
async def send_call_mail(work: Work, job: SendCallMail) -> None:
    """Write to a person that a call waits, unless somebody has answered it by now.

    Raises:
        NotFound: this step never told this person.
        NoMailer: mail is no longer configured.
        MailNotSent: the mail server did not take it.
    """
    parameters = {"call_id": job.call_id, "step": job.step, "user_id": job.user_id, "now": work.now}
    call = (await work.session.execute(CALL, parameters)).one_or_none()
    if call is None:
        raise NotFound(what="notification")
    if call.state != "raised":
        return
    language = await language_of_mail(work, call.language)
    _ = translator(language)
    lines = [
        _("{category} at {machine}, severity {severity}.").format(
            category=_category(_)[call.category],
            machine=f"{call.code} {call.machine} ({call.plant}, {call.lane})",
            severity=_severity(_)[call.severity],
        ),
        _("Raised at {time}; nobody has answered for {minutes} minutes.").format(
            time=f"{call.raised:%H:%M}", minutes=call.waited_min
        ),
    ]
    if call.note:
        lines.append(call.note)
    if call.is_late:
        lines.append(_("This message is late: the system was not running when it was due."))
    if call.fell_back:
        lines.append(_("Nobody is on call for “{duty}” now, so the supervisors are told.").format(duty=call.whom))
    subject = _("Call waits: {machine}, {category}").format(machine=call.code, category=_category(_)[call.category])
    mail = await compose_mail(
        work,
        key=f"andon-{job.call_id}-{job.step}-{job.user_id}",
        to=call.email,
        to_name=call.display_name,
        subject=subject,
        paragraphs=lines,
        language=language,
    )
    await current_mailer().send(mail)


def _category(_: Translate) -> dict[str, str]:
    return {
        "quality": _("Quality"),
        "material": _("Material"),
        "machine": _("Machine"),
        "safety": _("Safety"),
        "help": _("Help"),
    }


def _severity(_: Translate) -> dict[str, str]:
    return {"minor": _("Minor"), "major": _("Major"), "critical": _("Critical")}
