//! The production [`Env`]: the system's clock, tokio's timers and tasks, the system's randomness.

use alloc::boxed::Box;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::{TryRngCore as _, rngs::OsRng};

use crate::{BoxFuture, Env, Task, Timestamp};

/// The production [`Env`]. Needs a running tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioEnv;

impl Env for TokioEnv {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a clock that is not set; blocks then take their parent's time plus one.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(since.as_millis() as u64)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        let handle = tokio::spawn(task).abort_handle();
        Task::new(move || handle.abort())
    }

    fn random(&self, out: &mut [u8]) {
        OsRng
            .try_fill_bytes(out)
            .expect("the operating system gives randomness");
    }
}
