"""`harness audit`: the stored runs of a campaign, audited again."""

from typing import TYPE_CHECKING, Any

from harness.cli.application import app, print_json
from harness.cli.help_pages import READ, examples
from harness.cli.options import JsonOption, StrictOption
from harness.cli.stored_campaigns import CampaignArgument, newest
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.cli.outcome import CampaignVerdict
    from harness.results.store import Campaign


@app.command(
    rich_help_panel=READ,
    epilog=examples("harness audit", "harness audit results/monday --json | jq .verdict"),
)
def audit(
    path: CampaignArgument = None, strict: StrictOption = False, as_json: JsonOption = False
) -> ExitCode:
    """Audit the stored runs of a campaign again, without deploying anything."""
    from harness import audit as auditing
    from harness.analysis import derived
    from harness.cli.outcome import campaign_verdict
    from harness.results.store import Campaign, audit_document, load_run, write_json

    stored = Campaign.open(path or newest())
    for folder in stored.run_folders():
        findings = auditing.audit(load_run(folder))
        write_json(folder / "audit.json", audit_document(findings))
    derived.summarise(stored)
    verdict = campaign_verdict(stored, strict=strict)
    if as_json:
        print_json(_document(stored, verdict))
    else:
        from harness.cli.result_lines import print_result

        print_result(stored, verdict, every_finding=True)
    return verdict.exit_code


def _document(stored: "Campaign", verdict: "CampaignVerdict") -> dict[str, Any]:
    from harness.results.store import load_record, read_json

    judged = stored.validity()
    runs = []
    for folder in stored.run_folders():
        record, audited = load_record(folder), read_json(folder / "audit.json")
        runs.append(
            {
                "path": str(folder),
                "index": record.index,
                "variant": record.variant,
                "case": record.case,
                "validity": judged[record.index]["verdict"],
                "reasons": judged[record.index]["reasons"],
                "audit": audited["verdict"],
                "findings": audited["findings"],
            }
        )
    return {
        "campaign": str(stored.path),
        "verdict": verdict.name,
        "exit_code": int(verdict.exit_code),
        "statement": verdict.statement,
        "runs": runs,
    }
