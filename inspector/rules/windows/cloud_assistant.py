"""The agent of the cloud, by which its console works in an instance."""

from __future__ import annotations

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Verdict
from inspector.windows.service_start import judge_service
from inspector.windows.services import Start


@rule("windows-cloud-assistant-runs", "The agent of the cloud is installed and started", "windows")
def windows_cloud_assistant_runs(facts: Facts) -> Verdict:
    r"""The service AliyunService and its program.

    Why: without the agent the console can run no command in the instance, and sets no password while it runs.

    Fix: install the Cloud Assistant Agent by the vendor's guide, or `sc.exe config AliyunService start= auto`.

    Reads: Services\AliyunService and its program

    References: Alibaba Cloud, Install the Cloud Assistant Agent; Detect custom images and repair
    (GUESTOS.CloudAssistant).
    """
    return judge_service(facts, "AliyunService", Start.AUTOMATIC, required=False, of_windows=False)


RULES = (windows_cloud_assistant_runs,)
