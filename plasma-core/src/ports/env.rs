//! Time, randomness and tasks.

use alloc::boxed::Box;
use core::{future::Future, pin::Pin, time::Duration};

use crate::Timestamp;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A stream on the heap.
pub type BoxStream<'a, T> = futures::stream::BoxStream<'a, T>;

/// Time, randomness and tasks come from here and nowhere else, so that a simulation replays from its seed.
pub trait Env: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Resolves after `duration` at the earliest.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs a task beside the caller. The name shows in logs and metrics.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task;

    /// Fills `out` with random bytes, fit for keys.
    fn random(&self, out: &mut [u8]);
}

/// A running task. Dropping it stops the task at its next await.
#[must_use = "dropping a task stops it"]
pub struct Task {
    stop: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Task {
    /// A task that `stop` ends.
    pub fn new(stop: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            stop: Some(Box::new(stop)),
        }
    }

    /// Lets the task run to its own end.
    pub fn detach(mut self) {
        self.stop = None;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}
