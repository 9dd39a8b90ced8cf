//! Asking the host for something and writing down both question and answer; and what else happened meanwhile.

use super::{Runner, SECOND_PROCESS};
use crate::base::decide::Site;
use crate::executor::Notice;
use crate::executor::call_log::What;
use crate::history::{Ask, Event, History, Place, Told};
use crate::media::Sim;
use asl_host::StoreLocation;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

impl Runner<'_> {
    /// Writes down what else happened. Says whether a crash has come that the runtime has not seen to yet.
    pub(super) fn collect_notices(&self) -> bool {
        let mut world = self.sim.lock();
        let executor = &mut world.executor;
        let (notices, is_halted) = (executor.take_notices(), executor.is_halted());
        drop(world);
        let mut history = self.history.borrow_mut();
        for notice in notices {
            history.push(match notice {
                Notice::Fault(site, kind) => Event::Fault { site, kind },
                Notice::Damage(site, kind, hit) => Event::Damage { site, kind, hit },
                Notice::Full => Event::Full,
                Notice::Freed => Event::Freed,
                Notice::Died(process) => {
                    self.died.set(Some(process));
                    Event::Died { second: process == SECOND_PROCESS }
                }
            });
        }
        is_halted
    }

    /// Asks the host for something, waits, and records both.
    pub(super) async fn ask<T>(
        &self,
        site: Site,
        client: u16,
        ask: Ask,
        call: impl Future<Output = asl_host::Result<T>> + Send,
        tell: impl FnOnce(&mut History, T) -> Told,
    ) -> Told {
        let slot = usize::from(client).min(self.queues.len());
        let asked = self.history.borrow_mut().push(Event::Asked { site, client, ask });
        self.waiting.borrow_mut()[slot] = Some(asked);
        if self.logged {
            self.sim.lock().executor.log(|| What::Event(asked));
        }
        let answer = if self.can_cancel {
            Abandonable { sim: &self.sim, call: Box::pin(call) }.await
        } else {
            Some(call.await)
        };
        self.waiting.borrow_mut()[slot] = None;
        // A host whose calls cannot wait comes back from the call at which it crashed.
        if self.collect_notices() {
            std::future::pending::<()>().await;
        }
        let mut history = self.history.borrow_mut();
        let told = match answer {
            Some(Ok(value)) => tell(&mut history, value),
            Some(Err(error)) => Told::Failed { kind: error.kind(), code: error.code() },
            None => Told::Cancelled,
        };
        let executor = &mut self.sim.lock().executor;
        let masked = executor.trace.leaves_out_details() && matches!(told, Told::Time(_));
        executor.trace.told(asked, if masked { Told::Done.digest() } else { told.digest() });
        executor.log(|| What::Event(history.events().len()));
        history.push(Event::Told { asked, told: told.clone() });
        told
    }

    pub(super) fn location(place: Place) -> StoreLocation {
        StoreLocation::new(match place {
            Place::Main => "/root/store",
            Place::Side => "/root/side",
            Place::Nowhere => "/root/nowhere",
        })
    }
}

/// Waits for a host's answer, unless the client is to stop waiting: then the call is dropped.
struct Abandonable<'a, F: ?Sized> {
    sim: &'a Sim,
    call: Pin<Box<F>>,
}

impl<F: Future + ?Sized> Future for Abandonable<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let polled = self.call.as_mut().poll(context);
        // A host whose calls cannot wait comes back all the same.
        if self.sim.lock().executor.take_cancelled() { Poll::Ready(None) } else { polled.map(Some) }
    }
}
