//! How a node's tasks are.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use plasma_core::{Severe, Severity};

/// The last word of each task: what holds it up, if anything does.
#[derive(Debug, Default)]
pub struct Health {
    troubles: Mutex<BTreeMap<&'static str, HealthReport>>,
}

/// What holds a task up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    /// Whether it stopped for good.
    pub fatal: bool,
    /// What it met.
    pub trouble: String,
}

impl Health {
    /// Each task in trouble, by name.
    pub fn troubles(&self) -> BTreeMap<&'static str, HealthReport> {
        self.troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A task goes on.
    pub(crate) fn well(&self, task: &'static str) {
        if self
            .troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(task)
            .is_some()
        {
            tracing::info!(task, "goes on");
        }
    }

    /// A task met an error; logged when it is news. Returns whether the task should stop for good.
    pub(crate) fn met(&self, task: &'static str, error: &(impl Severe + ?Sized)) -> bool {
        self.note(task, error.to_string(), error.severity())
    }

    /// A task met trouble of this severity.
    pub(crate) fn note(&self, task: &'static str, trouble: String, severity: Severity) -> bool {
        let report = HealthReport {
            fatal: severity == Severity::Fatal,
            trouble,
        };
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.get(task) != Some(&report) {
            if report.fatal {
                tracing::error!(task, "{}", report.trouble);
            } else {
                tracing::warn!(task, "{}", report.trouble);
            }
            metrics::counter!("plasma_node_troubles_total", "task" => task).increment(1);
            troubles.insert(task, report.clone());
        }
        report.fatal
    }
}
