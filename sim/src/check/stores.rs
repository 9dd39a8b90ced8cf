//! Which stores exist, as far as the contract lets one know: created, destroyed, or in doubt since a call that nobody was
//! told of. The first open that completes, or says that there is nothing, settles the doubt. Where requests may land after the
//! death of whoever sent them, an open that says that there is nothing does not settle a creation: an answer to another creation
//! does, or to a destruction. Nor does a creation that is told that there is a store settle a destruction: an open does.

use super::{Breach, Exchange, Findings};
use crate::history::{Ask, Place, Told};
use asl_host::{ErrorKind, Exclusion};

/// What is known of a location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Absent,
    /// A creation was begun and nobody was told how it went.
    MaybeCreated,
    /// The same, and then another creation was told that it is there.
    Found,
    Present,
    /// A destruction was begun and nobody was told how it went.
    MaybeDestroyed,
    /// As before, and then a creation likewise: it may be the old store, a new one, or none.
    MaybeReplaced,
    /// Destroyed, and so absent.
    Destroyed,
}

impl Life {
    /// Whether somebody was told that it is there.
    fn is_told_of(self) -> bool {
        matches!(self, Life::Present | Life::Found)
    }

    /// Whether its creation was cut short, and nobody has opened it since.
    pub(super) fn may_be_torn(self) -> bool {
        matches!(self, Life::MaybeCreated | Life::Found | Life::MaybeReplaced)
    }
}

/// Whether what is at the location from now on is a new store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    No,
    Yes,
    /// It, or the one that was there before.
    Maybe,
}

#[derive(Debug, Default)]
pub(super) struct Stores {
    life: [Life; 3],
    open: [bool; 3],
    /// Whether there was a crash since it was last told of.
    crashed_since: [bool; 3],
    /// Whether an open is to be let in where another handle has the store.
    fences: bool,
    /// Whether requests may land after the death of whoever sent them.
    late_requests: bool,
}

impl Stores {
    pub(super) fn new(exclusion: Exclusion, late_requests: bool) -> Stores {
        Stores { fences: exclusion == Exclusion::Fence, late_requests, ..Stores::default() }
    }

    pub(super) fn life(&self, place: Place) -> Life {
        self.life[place as usize]
    }

    pub(super) fn is_open(&self, place: Place) -> bool {
        self.open[place as usize]
    }

    /// All processes are gone, and with them their handles.
    pub(super) fn crash(&mut self) {
        self.open = [false; 3];
        self.crashed_since = [true; 3];
    }

    pub(super) fn closed(&mut self, place: Place) {
        self.open[place as usize] = false;
    }

    /// A call was cut off.
    pub(super) fn interrupted(&mut self, ask: &Ask) -> Fresh {
        match *ask {
            Ask::Create { place } => return self.begin_create(place),
            Ask::Destroy { place, .. } => self.begin_destroy(place),
            _ => {}
        }
        Fresh::No
    }

    fn begin_create(&mut self, place: Place) -> Fresh {
        let life = &mut self.life[place as usize];
        match life {
            Life::Absent | Life::Destroyed => {
                *life = Life::MaybeCreated;
                Fresh::Yes
            }
            Life::MaybeDestroyed => {
                *life = Life::MaybeReplaced;
                Fresh::Maybe
            }
            _ => Fresh::No,
        }
    }

    fn begin_destroy(&mut self, place: Place) {
        let life = &mut self.life[place as usize];
        match life {
            // Its creation may be on its way still, and land behind the destruction.
            Life::MaybeCreated | Life::MaybeReplaced if self.late_requests => *life = Life::MaybeReplaced,
            Life::Present | Life::Found | Life::MaybeCreated | Life::MaybeReplaced => {
                *life = Life::MaybeDestroyed;
            }
            Life::Absent | Life::MaybeDestroyed | Life::Destroyed => {}
        }
    }

    /// Judges what a creation, opening or destruction told.
    pub(super) fn told(&mut self, exchange: &Exchange<'_>, out: &mut Findings) -> Fresh {
        match exchange.ask {
            Ask::Create { place } => return self.create_told(exchange, place, out),
            Ask::Open { place, second } => self.open_told(exchange, place, second, out),
            Ask::Destroy { place, open } => self.destroy_told(exchange, place, open, out),
            _ => {}
        }
        Fresh::No
    }

    fn create_told(&mut self, exchange: &Exchange<'_>, place: Place, out: &mut Findings) -> Fresh {
        let (at, life) = (exchange.told_at, self.life(place));
        match exchange.told {
            Told::Done => {
                out.expect(!life.is_told_of(), Breach::CreatedTwice, at, || {
                    format!("creating {} succeeded although it existed", place.as_str())
                });
                // A crash may have taken it. What came of the run without crashes tells the two apart (`trial`).
                if life.is_told_of() && self.crashed_since[place as usize] {
                    let text =
                        format!("{} was created before a crash, and could be created again", place.as_str());
                    out.broken(Breach::StoreLost, at, text);
                }
                self.crashed_since[place as usize] = false;
                self.life[place as usize] = Life::Present;
                self.open[place as usize] = true;
                Fresh::Yes
            }
            Told::Failed { kind: ErrorKind::Exists, .. } => {
                out.looked(Breach::CreatedTwice);
                // After a fault in the call itself, what exists may be what it has created.
                let own = life == Life::Destroyed && exchange.faulted;
                out.expect(life != Life::Absent && !own, Breach::WrongAnswer, at, || {
                    format!("creating {} says that it exists, and it did not", place.as_str())
                });
                out.expect(life != Life::Destroyed || own, Breach::DestroyedCameBack, at, || {
                    format!("{} was destroyed, and creating it says that it exists", place.as_str())
                });
                self.crashed_since[place as usize] = false;
                self.life[place as usize] = match life {
                    // A destruction that is on its way may land yet, until the store is opened.
                    Life::MaybeDestroyed | Life::MaybeReplaced if self.late_requests => life,
                    // To be there is not yet to be whole.
                    _ if life.may_be_torn() => Life::Found,
                    _ => Life::Present,
                };
                Fresh::No
            }
            _ => self.begin_create(place),
        }
    }

    fn open_told(&mut self, exchange: &Exchange<'_>, place: Place, second: bool, out: &mut Findings) {
        let (at, life) = (exchange.told_at, self.life(place));
        let intrudes = second && self.is_open(place);
        match exchange.told {
            Told::Done if intrudes && !self.fences => {
                let text = format!(
                    "{} was opened for writing by a second process while the first had it open",
                    place.as_str()
                );
                out.expect(false, Breach::SecondWriter, at, || text);
            }
            Told::Done => {
                out.expect(life != Life::Absent, Breach::WrongAnswer, at, || {
                    format!("opening {} succeeded, and there was none", place.as_str())
                });
                out.expect(life != Life::Destroyed, Breach::DestroyedCameBack, at, || {
                    format!("{} was destroyed, and could be opened again", place.as_str())
                });
                out.looked(Breach::StoreLost);
                if matches!(life, Life::MaybeCreated | Life::Found) {
                    out.looked(Breach::TornCreation);
                }
                self.life[place as usize] = Life::Present;
                self.open[place as usize] = true;
                self.crashed_since[place as usize] = false;
            }
            Told::Failed { kind: ErrorKind::NotFound, .. } => {
                out.looked(Breach::WrongAnswer);
                if place == Place::Nowhere {
                    out.looked(Breach::LeftBehind);
                }
                if life == Life::Destroyed {
                    out.looked(Breach::DestroyedCameBack);
                }
                if matches!(life, Life::MaybeCreated | Life::Found) {
                    out.looked(Breach::TornCreation);
                }
                match life {
                    Life::Present | Life::Found if exchange.faulted => {
                        out.broken(
                            Breach::FaultMisnamed,
                            at,
                            format!("an I/O fault was told as the absence of {}", place.as_str()),
                        );
                    }
                    Life::Present | Life::Found => {
                        out.broken(
                            Breach::StoreLost,
                            at,
                            format!("{} was created and acknowledged, and is gone", place.as_str()),
                        );
                    }
                    // A creation that is on its way may land yet, until another one, or a destruction, is answered.
                    Life::MaybeReplaced if self.late_requests => {
                        self.life[place as usize] = Life::MaybeCreated;
                    }
                    Life::MaybeCreated if self.late_requests => {}
                    Life::MaybeDestroyed | Life::MaybeReplaced => self.life[place as usize] = Life::Destroyed,
                    Life::MaybeCreated => self.life[place as usize] = Life::Absent,
                    Life::Absent | Life::Destroyed => {}
                }
            }
            Told::Failed { kind: ErrorKind::ConcurrentModification, .. } => {
                let text = if intrudes && self.fences {
                    format!("opening {} was refused, by a host that lets the newest open win", place.as_str())
                } else {
                    format!("{} is said to be in use, and nobody alive has it open", place.as_str())
                };
                let well = (self.is_open(place) && !(intrudes && self.fences)) || exchange.excused;
                out.expect(well, Breach::LockedOut, at, || text);
                if intrudes {
                    out.looked(Breach::SecondWriter);
                }
            }
            Told::Failed { kind, .. } if life.may_be_torn() && !exchange.excused => {
                let text = format!(
                    "a creation of {} was cut short, and now it can neither be opened nor is it said to be absent ({kind})",
                    place.as_str()
                );
                out.expect(false, Breach::TornCreation, at, || text);
            }
            _ => {}
        }
    }

    fn destroy_told(&mut self, exchange: &Exchange<'_>, place: Place, open: bool, out: &mut Findings) {
        let (at, life) = (exchange.told_at, self.life(place));
        match exchange.told {
            Told::Done => {
                if open && self.is_open(place) {
                    let text = format!("{} was destroyed while it was open", place.as_str());
                    out.expect(false, Breach::SecondWriter, at, || text);
                }
                out.expect(!matches!(life, Life::Absent | Life::Destroyed), Breach::WrongAnswer, at, || {
                    format!("destroying {} succeeded, and there was none", place.as_str())
                });
                self.life[place as usize] = Life::Destroyed;
            }
            Told::Failed { kind: ErrorKind::NotFound, .. } => match life {
                Life::Present | Life::Found if exchange.faulted => {
                    out.broken(
                        Breach::FaultMisnamed,
                        at,
                        format!("an I/O fault was told as the absence of {}", place.as_str()),
                    );
                }
                Life::Present | Life::Found => {
                    out.broken(
                        Breach::StoreLost,
                        at,
                        format!("{} was created and acknowledged, and is gone", place.as_str()),
                    );
                }
                _ => {
                    out.looked(Breach::WrongAnswer);
                    self.life[place as usize] = Life::Destroyed;
                }
            },
            Told::Failed { kind: ErrorKind::ConcurrentModification, .. } => {
                out.looked(Breach::SecondWriter);
                out.expect(self.is_open(place) || exchange.excused, Breach::LockedOut, at, || {
                    format!("{} is said to be in use, and nobody alive has it open", place.as_str())
                });
            }
            _ => self.begin_destroy(place),
        }
    }
}
