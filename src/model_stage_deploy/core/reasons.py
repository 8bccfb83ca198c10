"""The closed list of results and reason codes, and the exit code that each one means.

The same words appear in the exit code, the action's outputs, the summary and `--json`;
`docs/reference/results.md` is generated from this table.
"""

from __future__ import annotations

from enum import StrEnum

from model_stage_deploy.core.results import Result

__all__ = ["Reason", "Result"]


class Reason(StrEnum):
    """Why a run ended as it did. Codes are stable: scripts and dashboards may match on them."""

    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled-back"
    FALLEN_BACK = "fallen-back"
    UNDEPLOYED = "undeployed"
    DRY_RUN = "dry-run"
    RESOLVED = "resolved"
    MAPPING_VALID = "mapping-valid"
    HEALTHY = "healthy"
    SWEPT = "swept"
    IN_SYNC = "in-sync"
    RECONCILED = "reconciled"
    TARGETS_DEPLOYED = "targets-deployed"

    APPROVAL_RECORDED = "approval-recorded"
    STAGE_LOCKED = "stage-locked"
    STAGE_UNLOCKED = "stage-unlocked"
    REGISTERED = "registered"
    PROMOTED = "promoted"
    UNASSIGNED = "unassigned"
    DEREGISTERED = "deregistered"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"
    IMPORTED = "imported"
    MIRRORED = "mirrored"

    NOT_A_STAGE_TAG = "not-a-stage-tag"
    REGISTRATION = "registration"
    DEREGISTRATION = "deregistration"
    UNASSIGNMENT = "unassignment"
    DEPRECATION = "deprecation"
    TAG_DELETED = "tag-deleted"
    EVENT_IGNORED = "event-ignored"
    UNMAPPED_IGNORED = "unmapped-ignored"
    ALREADY_DEPLOYED = "already-deployed"
    SUPERSEDED = "superseded"
    NOTHING_LEFT = "nothing-left"

    DEPLOYER_FAILED = "deployer-failed"
    DEPLOYER_TIMEOUT = "deployer-timeout"
    VERIFICATION_FAILED = "verification-failed"
    VERIFICATION_INCONCLUSIVE = "verification-inconclusive"
    ROLLED_BACK_AFTER_FAILURE = "rolled-back-after-failure"
    ROLLBACK_FAILED = "rollback-failed"
    NOT_RECONCILED = "not-reconciled"
    TARGETS_FAILED = "targets-failed"

    USAGE = "usage"
    NOT_A_GTO_TAG = "not-a-gto-tag"
    NOT_A_REPOSITORY = "not-a-repository"
    EVENT_INVALID = "event-invalid"
    MAPPING_NOT_FOUND = "mapping-not-found"
    MAPPING_INVALID = "mapping-invalid"
    UNMAPPED_STAGE = "unmapped-stage"
    TEMPLATE_ERROR = "template-error"
    GTO_CONFIG_INVALID = "gto-config-invalid"
    IDENTITY_MISSING = "identity-missing"
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a reason code, not a secret
    CANNOT_UNDEPLOY = "cannot-undeploy"
    UNKNOWN_TARGET = "unknown-target"

    INCOMPLETE_TAGS = "incomplete-tags"
    TAG_NOT_FOUND = "tag-not-found"
    LIGHTWEIGHT_TAG = "lightweight-tag"
    MISMATCHED_TAG = "mismatched-tag"
    UNUSABLE_TAG = "unusable-tag"
    MOVED_TAG = "moved-tag"
    UNREGISTERED_COMMIT = "unregistered-commit"
    AMBIGUOUS_VERSION = "ambiguous-version"
    INACTIVE_VERSION = "inactive-version"
    UNKNOWN_MODEL = "unknown-model"
    UNKNOWN_VERSION = "unknown-version"
    NEVER_IN_STAGE = "never-in-stage"
    NO_EARLIER_VERSION = "no-earlier-version"
    ALREADY_LIVE = "already-live"
    FINDINGS = "findings"
    UNKNOWN_REF = "unknown-ref"
    ALREADY_REGISTERED = "already-registered"
    VERSION_TAKEN = "version-taken"
    STAGE_NOT_ALLOWED = "stage-not-allowed"
    ALREADY_IN_STAGE = "already-in-stage"
    NOT_IN_STAGE = "not-in-stage"
    ALREADY_DEPRECATED = "already-deprecated"
    TAG_EXISTS = "tag-exists"
    NOT_PUSHED = "not-pushed"
    CLOCK_SKEW = "clock-skew"
    PUSH_CLASH = "push-clash"
    GATES_REFUSED = "gates-refused"
    OVERRIDE_REFUSED = "override-refused"
    HELD = "held"
    DRIFT = "drift"
    LOCKED = "locked"
    NOT_LOCKED = "not-locked"

    GIT_FAILED = "git-failed"
    GITHUB_FAILED = "github-failed"
    GITLAB_FAILED = "gitlab-failed"
    MLFLOW_FAILED = "mlflow-failed"
    MIRROR_FAILED = "mirror-failed"
    RATE_LIMITED = "rate-limited"
    PERMISSION_MISSING = "permission-missing"
    START_NOT_RECORDED = "start-not-recorded"
    END_NOT_RECORDED = "end-not-recorded"
    DISPATCH_FAILED = "dispatch-failed"
    TAG_NOT_WRITTEN = "tag-not-written"
    GATE_UNKNOWN = "gate-unknown"
    LOCK_FAILED = "lock-failed"
    LOCK_LOST = "lock-lost"
    LOG_FAILED = "log-failed"
    SETUP_FAILED = "setup-failed"
    INTERNAL_ERROR = "internal-error"

    CANCELLED = "cancelled"

    @property
    def result(self) -> Result:
        """The result that this reason always comes with."""
        return _TABLE[self][0]

    @property
    def meaning(self) -> str:
        """One sentence for the reference table."""
        return _TABLE[self][1]

    @property
    def exit_code(self) -> int:
        """Process exit code of a run that ends for this reason."""
        return self.result.exit_code


_TABLE: dict[Reason, tuple[Result, str]] = {
    Reason.DEPLOYED: (Result.DEPLOYED, "The deployer succeeded and the end was recorded."),
    Reason.ROLLED_BACK: (Result.DEPLOYED, "An earlier version was deployed again, as asked."),
    Reason.FALLEN_BACK: (Result.DEPLOYED, "A version was taken away, and the one before it was deployed, as mapped."),
    Reason.UNDEPLOYED: (Result.UNDEPLOYED, "A version was taken away, and what ran was removed, as mapped."),
    Reason.DRY_RUN: (Result.PLANNED, "The plan was shown; nothing was touched."),
    Reason.RESOLVED: (Result.RESOLVED, "The tag was resolved; nothing was deployed, as asked."),
    Reason.MAPPING_VALID: (Result.CHECKED, "The mapping is right, and every mapped stage could be planned."),
    Reason.HEALTHY: (Result.CHECKED, "Nothing is to be mended (`doctor`)."),
    Reason.SWEPT: (Result.CHECKED, "Deployments and locks that nobody owns any more were looked for (`sweep`)."),
    Reason.IN_SYNC: (Result.CHECKED, "What runs is what the registry decides (`reconcile`)."),
    Reason.RECONCILED: (
        Result.DEPLOYED,
        "What had drifted was deployed as decided (`reconcile --apply`).",
    ),
    Reason.TARGETS_DEPLOYED: (
        Result.DEPLOYED,
        "These targets have the version now; the stage's own record is made by `finish`.",
    ),
    Reason.APPROVAL_RECORDED: (Result.WRITTEN, "The approval was recorded (`approve`)."),
    Reason.STAGE_LOCKED: (Result.WRITTEN, "The stage was locked (`lock`)."),
    Reason.STAGE_UNLOCKED: (Result.WRITTEN, "The stage was unlocked (`unlock`)."),
    Reason.REGISTERED: (Result.WRITTEN, "The version was registered by a new tag."),
    Reason.PROMOTED: (Result.WRITTEN, "The version was given the stage by a new tag."),
    Reason.UNASSIGNED: (Result.WRITTEN, "The version was taken out of the stage by a new tag."),
    Reason.DEREGISTERED: (Result.WRITTEN, "The version was deregistered by a new tag."),
    Reason.DEPRECATED: (Result.WRITTEN, "The model was deprecated by a new tag."),
    Reason.ARCHIVED: (Result.WRITTEN, "The version was taken out of every stage by new tags."),
    Reason.IMPORTED: (Result.WRITTEN, "What another registry holds was written as tags (`import-mlflow`)."),
    Reason.MIRRORED: (Result.WRITTEN, "The tag deploys nothing; the registries that follow this one were told of it."),
    Reason.NOT_A_STAGE_TAG: (Result.NOTHING_TO_DO, "The ref is not a GTO tag, so it asks for no deployment."),
    Reason.REGISTRATION: (Result.NOTHING_TO_DO, "The tag registers a version; only stage tags deploy."),
    Reason.DEREGISTRATION: (Result.NOTHING_TO_DO, "The tag deregisters a version; only stage tags deploy."),
    Reason.UNASSIGNMENT: (Result.NOTHING_TO_DO, "The tag takes a version out of a stage; nothing is deployed."),
    Reason.DEPRECATION: (Result.NOTHING_TO_DO, "The tag deprecates a model; nothing is deployed."),
    Reason.TAG_DELETED: (Result.NOTHING_TO_DO, "The push deleted the tag; a deletion never deploys."),
    Reason.EVENT_IGNORED: (
        Result.NOTHING_TO_DO,
        "The event asks for no deployment: an unpublished release, or a Deployment that is a record of this tool.",
    ),
    Reason.UNMAPPED_IGNORED: (
        Result.NOTHING_TO_DO,
        "The mapping does not name this stage and says `unmapped: ignore`.",
    ),
    Reason.ALREADY_DEPLOYED: (
        Result.NOTHING_TO_DO,
        "The version is live there, verified, with the same settings; `--force` repeats.",
    ),
    Reason.SUPERSEDED: (
        Result.NOTHING_TO_DO,
        "A newer tag decides the stage. Asked for by hand, it is refused (exit code 3); `--force` deploys it.",
    ),
    Reason.NOTHING_LEFT: (
        Result.NOTHING_TO_DO,
        "A version was taken away, and the stage has no other to fall back to.",
    ),
    Reason.DEPLOYER_FAILED: (Result.FAILED, "The deployer ran and reported failure."),
    Reason.DEPLOYER_TIMEOUT: (Result.FAILED, "The deployer did not end within its `timeout` and was ended."),
    Reason.VERIFICATION_FAILED: (
        Result.FAILED,
        "The deployer succeeded, and what it deployed does not serve as it must; it is still there.",
    ),
    Reason.VERIFICATION_INCONCLUSIVE: (
        Result.FAILED,
        "The deployer succeeded, and whether what it deployed serves cannot be told; it is still there.",
    ),
    Reason.ROLLED_BACK_AFTER_FAILURE: (
        Result.FAILED,
        "The new version failed; the version that was verified last is live again.",
    ),
    Reason.ROLLBACK_FAILED: (
        Result.FAILED,
        "The new version failed, and so did the way back: what is live must be looked at.",
    ),
    Reason.NOT_RECONCILED: (Result.FAILED, "Not everything that had drifted could be healed; each part says why."),
    Reason.TARGETS_FAILED: (
        Result.FAILED,
        "Not every target has the version; each target that failed says why.",
    ),
    Reason.USAGE: (Result.INVALID, "The command line or the action's inputs do not fit together."),
    Reason.NOT_A_GTO_TAG: (Result.INVALID, "The text given is not a GTO tag."),
    Reason.NOT_A_REPOSITORY: (Result.INVALID, "There is no Git repository where one was named."),
    Reason.EVENT_INVALID: (
        Result.INVALID,
        "The event file of the workflow run cannot be read, or what it asks for is not understood.",
    ),
    Reason.MAPPING_NOT_FOUND: (Result.INVALID, "No mapping file was found."),
    Reason.MAPPING_INVALID: (Result.INVALID, "The mapping file has mistakes; each is listed with its line."),
    Reason.UNMAPPED_STAGE: (Result.INVALID, "The mapping does not say what this stage means for this model."),
    Reason.TEMPLATE_ERROR: (Result.INVALID, "A template of the mapping cannot be rendered."),
    Reason.GTO_CONFIG_INVALID: (Result.INVALID, "The `.gto` file or a `GTO_…` variable is wrong."),
    Reason.IDENTITY_MISSING: (Result.INVALID, "Git does not know who makes the tag (user.name, user.email)."),
    Reason.SECRET_MISSING: (Result.INVALID, "A secret that the mapping uses is not in the environment."),
    Reason.CANNOT_UNDEPLOY: (Result.INVALID, "The deployer cannot take away what it deployed."),
    Reason.UNKNOWN_TARGET: (Result.INVALID, "The stage has no target, wave or shard of that name."),
    Reason.INCOMPLETE_TAGS: (
        Result.REFUSED,
        "The model's tags are not all here and cannot be fetched, so the version cannot be known.",
    ),
    Reason.TAG_NOT_FOUND: (Result.REFUSED, "The tag does not exist in the registry."),
    Reason.LIGHTWEIGHT_TAG: (Result.REFUSED, "The tag is lightweight; GTO events are annotated tags."),
    Reason.MISMATCHED_TAG: (Result.REFUSED, "The tag object names another tag than the ref that points at it."),
    Reason.UNUSABLE_TAG: (Result.REFUSED, "The tag points at no commit, or says not when it was made."),
    Reason.MOVED_TAG: (Result.REFUSED, "The tag is not (or no longer) the object that was first pushed."),
    Reason.UNREGISTERED_COMMIT: (
        Result.REFUSED,
        "The tag's commit has no registered version and the mapping does not allow that.",
    ),
    Reason.AMBIGUOUS_VERSION: (Result.REFUSED, "Several versions are registered on the tag's commit."),
    Reason.INACTIVE_VERSION: (Result.REFUSED, "The version was deregistered."),
    Reason.UNKNOWN_MODEL: (Result.REFUSED, "The registry has no model of this name."),
    Reason.UNKNOWN_VERSION: (Result.REFUSED, "The version was never registered for this model."),
    Reason.NEVER_IN_STAGE: (Result.REFUSED, "The version was never assigned to this stage."),
    Reason.NO_EARLIER_VERSION: (Result.REFUSED, "There is no earlier version in this stage to go back to."),
    Reason.ALREADY_LIVE: (Result.REFUSED, "The version asked for is the one that is live already."),
    Reason.FINDINGS: (Result.REFUSED, "Something is to be mended (`doctor`)."),
    Reason.UNKNOWN_REF: (Result.REFUSED, "The branch, tag or commit does not exist."),
    Reason.ALREADY_REGISTERED: (Result.REFUSED, "The commit has a version of this model already."),
    Reason.VERSION_TAKEN: (Result.REFUSED, "The version is registered on another commit."),
    Reason.STAGE_NOT_ALLOWED: (Result.REFUSED, "The stage is not among those that `.gto` allows."),
    Reason.ALREADY_IN_STAGE: (Result.REFUSED, "The version is what the stage has now."),
    Reason.NOT_IN_STAGE: (Result.REFUSED, "The version is not in the stage."),
    Reason.ALREADY_DEPRECATED: (Result.REFUSED, "The model is deprecated already."),
    Reason.TAG_EXISTS: (Result.REFUSED, "A tag of that name exists and says something else."),
    Reason.NOT_PUSHED: (Result.REFUSED, "A tag that the change builds on is in this clone only."),
    Reason.CLOCK_SKEW: (Result.REFUSED, "A tag made now would not count, because an older one has a later date."),
    Reason.PUSH_CLASH: (Result.REFUSED, "Others kept changing the model at the same time; nothing was pushed."),
    Reason.GATES_REFUSED: (Result.REFUSED, "At least one gate said no; each says why."),
    Reason.OVERRIDE_REFUSED: (Result.REFUSED, "The gates may not be overridden by this person, or not at all."),
    Reason.HELD: (Result.REFUSED, "The version failed here and was rolled back; automation may not deploy it again."),
    Reason.DRIFT: (Result.REFUSED, "What runs is not what the registry decides (`reconcile` without `--apply`)."),
    Reason.LOCKED: (Result.REFUSED, "Another deployment has the stage, or a person locked it."),
    Reason.NOT_LOCKED: (Result.REFUSED, "There is no lock of that kind."),
    Reason.GIT_FAILED: (Result.ERROR, "Git failed; nothing was deployed or changed."),
    Reason.GITHUB_FAILED: (Result.ERROR, "GitHub's API failed; nothing was deployed."),
    Reason.GITLAB_FAILED: (Result.ERROR, "GitLab's API failed; nothing was deployed."),
    Reason.MLFLOW_FAILED: (Result.ERROR, "MLflow's API failed; nothing was changed."),
    Reason.MIRROR_FAILED: (
        Result.UNRECORDED,
        "The deployment is live and recorded, but a registry that follows this one could not be told.",
    ),
    Reason.RATE_LIMITED: (
        Result.ERROR,
        "The API's rate limit was met, and would not end in time.",
    ),
    Reason.PERMISSION_MISSING: (Result.ERROR, "The token lacks a permission; the message names its line."),
    Reason.START_NOT_RECORDED: (
        Result.ERROR,
        "The start of the deployment could not be recorded, so nothing was deployed.",
    ),
    Reason.END_NOT_RECORDED: (
        Result.UNRECORDED,
        "The deployer ran to its end, but GitHub could not be told; the record there is out of date.",
    ),
    Reason.TAG_NOT_WRITTEN: (
        Result.UNRECORDED,
        "The rollback is live, but its GTO tag could not be written, so the registry still says otherwise.",
    ),
    Reason.DISPATCH_FAILED: (Result.ERROR, "The tags are pushed, but the workflow could not be started."),
    Reason.GATE_UNKNOWN: (Result.ERROR, "What a gate asks for cannot be known, so nothing was deployed."),
    Reason.LOCK_FAILED: (Result.ERROR, "The lock could not be had for a technical reason, so nothing was deployed."),
    Reason.LOCK_LOST: (
        Result.ERROR,
        "Another run took over the lock while this one worked; what is live must be looked at.",
    ),
    Reason.LOG_FAILED: (Result.ERROR, "The deployment log of this repository cannot be read or written."),
    Reason.SETUP_FAILED: (Result.ERROR, "The action could not be set up on the runner itself (`host`)."),
    Reason.INTERNAL_ERROR: (Result.ERROR, "A defect of this tool."),
    Reason.CANCELLED: (Result.CANCELLED, "The run was cancelled; its processes were ended."),
}
