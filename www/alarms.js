// Texts for the alarms of an encrypted collection. After an alarm, `repair()` is called only if the user asks for it.

const SAFE = "Nothing of yours is lost: this device keeps it all, and sends nothing meanwhile.";

const ALARMS = {
  rollback: {
    headline: "The server shows an old state",
    says: (page) => `Page ${page}, which this device knows, is gone. An old backup was put back, or somebody hides what is new.`,
  },
  omission: {
    headline: "The server hides a page",
    says: (page) => `Page ${page} must be there, because pages after it are, but it is not shown.`,
  },
  fork: {
    headline: "The server tells another story",
    says: (page) => `Its page ${page} is genuine, but not the one this device knows: it has shown your devices different pages.`,
  },
  tampered: {
    headline: "Somebody changed a page",
    says: (page) => `Page ${page} does not open: whoever changed it has no key. A single bit is enough to be noticed.`,
  },
  bad_snapshot: {
    headline: "A snapshot is wrong",
    says: (page) => `The summary at page ${page} does not hold what the pages before it do. A device of yours with a fault made it.`,
  },
  server_lost: {
    headline: "The server has lost the list",
    says: () => "It knows nothing of it any more. Repair sends all that is here again.",
  },
};

/** Returns `{code, headline, advice, cause, evidence, repairable, passing}` for an alarm, or `null` if the error is not an alarm. */
export function explainAlarm(error) {
  const alarm = ALARMS[error?.code];
  if (!alarm) return null;
  const evidence = error.data.evidence ?? null;
  return {
    code: error.code,
    headline: alarm.headline,
    advice: `${alarm.says(evidence?.position)} ${SAFE}`,
    cause: evidence ? `${error.code} · page ${evidence.position}` : error.code,
    evidence,
    repairable: true,
    passing: false,
  };
}
