//! Processor time of a guest, metered around each poll of its call.
//!
//! A guest yields at every epoch tick (10 ms), so a poll is never longer than a tick; the time that the call waits for
//! inference passes outside of polls and is not counted. The clock is the thread's processor time, not the wall: a busy
//! machine takes nothing from a guest's budget.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The guest's processor time reached its limit; the call was ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CpuSpent;

/// A call whose polls are metered.
pub(crate) struct Metered<'a, F> {
    call: Pin<Box<F>>,
    spent: &'a mut Duration,
    limit: Duration,
}

impl<'a, F: Future> Metered<'a, F> {
    /// Runs `call`, adding its processor time to `spent`, until that passes `limit`.
    pub(crate) fn new(call: F, spent: &'a mut Duration, limit: Duration) -> Self {
        Metered {
            call: Box::pin(call),
            spent,
            limit,
        }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = Result<F::Output, CpuSpent>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let start = thread_time();
        let polled = self.call.as_mut().poll(cx);
        *self.spent += thread_time().saturating_sub(start);
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if *self.spent > self.limit => Poll::Ready(Err(CpuSpent)),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_call_is_ended_and_a_waiting_one_is_not() {
        let mut spent = Duration::ZERO;
        let busy = async {
            loop {
                let start = thread_time();
                while thread_time() - start < Duration::from_millis(1) {}
                tokio::task::yield_now().await;
            }
        };
        let ended: Result<(), _> = Metered::new(busy, &mut spent, Duration::from_millis(5)).await;
        assert_eq!(ended, Err(CpuSpent));
        assert!(spent > Duration::from_millis(5));

        let mut spent = Duration::ZERO;
        let waiting = tokio::time::sleep(Duration::from_millis(30));
        assert_eq!(
            Metered::new(waiting, &mut spent, Duration::from_millis(20)).await,
            Ok(())
        );
    }
}
