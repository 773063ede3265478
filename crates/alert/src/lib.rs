//! Verdicts and alerts to incidents under a budget.
