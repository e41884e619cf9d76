"""`harness audit`: the stored runs of a campaign, audited again."""

from harness.cli.application import app, console
from harness.cli.options import StrictOption
from harness.cli.stored_campaigns import CampaignArgument, newest
from harness.errors import ExitCode


@app.command()
def audit(path: CampaignArgument = None, strict: StrictOption = False) -> ExitCode:
    """Audit the stored runs of a campaign again, without deploying anything."""
    from harness import audit as auditing
    from harness import campaign
    from harness.cli.outcome import campaign_exit_code, print_outcome
    from harness.results.store import Campaign, audit_document, load_run, write_json

    stored = Campaign.open(path or newest())
    for folder in stored.run_folders():
        findings = auditing.audit(load_run(folder))
        write_json(folder / "audit.json", audit_document(findings))
    campaign.summarise(stored)
    print_outcome(console, stored, every_finding=True)
    return campaign_exit_code(stored, strict=strict)
