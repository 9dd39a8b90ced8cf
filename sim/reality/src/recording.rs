//! What a file system sent to its disk while a program ran: every write and every flush, in the order in which the disk
//! took them, and where each step of the program began and ended.
//!
//! A position is a number of events: at position 3 the disk has taken three. A flush is taken to cover all writes before
//! it in this order.
//!
//! Not recorded: which writes were in flight at the same time as a flush (the disk takes one request after another, so none
//! were), and which ones asked to be on the medium by themselves (FUA): the loop device makes such a write a write and a
//! flush.

use crate::image::Image;
use std::sync::Arc;

/// What the disk was asked for.
#[derive(Clone, Debug)]
pub enum Event {
    /// To write.
    Write(Write),
    /// To put all that it was given so far on the medium.
    Flush,
}

/// A write, as the disk got it.
#[derive(Clone, Debug)]
pub struct Write {
    /// Where, in bytes.
    pub offset: u64,
    /// What.
    pub bytes: Arc<[u8]>,
}

/// Where a step was in the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// So many events had come before the step began.
    pub begin: usize,
    /// So many events had come before the step was known to be done.
    pub end: usize,
}

/// A program's run, as its disk saw it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What the disk held before.
    pub base: Image,
    /// All that the disk was asked for.
    pub events: Vec<Event>,
    /// One for each step.
    pub marks: Vec<Mark>,
}

impl Recording {
    /// The first position at which the program had begun.
    pub fn first_position(&self) -> usize {
        self.marks.first().map_or(0, |mark| mark.begin)
    }

    /// The first position at which all steps were done.
    pub fn last_position(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.end)
    }

    /// How many events, up to the position, the last flush covers: itself and all before it.
    pub fn flushed(&self, position: usize) -> usize {
        let flush = self.events[..position].iter().rposition(|event| matches!(event, Event::Flush));
        flush.map_or(0, |flush| flush + 1)
    }

    /// The writes since the last flush before the position.
    pub fn window(&self, position: usize) -> Vec<&Write> {
        let events = &self.events[self.flushed(position)..position];
        events.iter().filter_map(Event::as_write).collect()
    }

    /// What the medium holds at least: all that the last flush before the position covers.
    pub fn flushed_image(&self, position: usize) -> Image {
        let mut image = self.base.clone();
        for write in self.events[..self.flushed(position)].iter().filter_map(Event::as_write) {
            image.write(write.offset, &write.bytes);
        }
        image
    }
}

impl Event {
    fn as_write(&self) -> Option<&Write> {
        match self {
            Event::Write(write) => Some(write),
            Event::Flush => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A write of 4096 equal bytes, at a block.
    pub(crate) fn write(block: u64, letter: u8) -> Event {
        Event::Write(Write { offset: block * 4096, bytes: vec![letter; 4096].into() })
    }

    /// Two writes, a flush, two writes; the first step did all up to the flush, the second one nothing.
    pub(crate) fn two_and_two() -> Recording {
        Recording {
            base: Image::zeros(1 << 20),
            events: vec![write(0, 1), write(1, 2), Event::Flush, write(0, 3), write(2, 4)],
            marks: vec![Mark { begin: 0, end: 3 }, Mark { begin: 3, end: 3 }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::two_and_two;

    #[test]
    fn a_flush_covers_itself_and_what_came_before() {
        let recording = two_and_two();
        let flushed: Vec<usize> = (0..=5).map(|position| recording.flushed(position)).collect();
        assert_eq!(flushed, [0, 0, 0, 3, 3, 3]);
    }

    #[test]
    fn the_window_is_what_was_written_since_the_flush() {
        let recording = two_and_two();
        let lens: Vec<usize> = (0..=5).map(|position| recording.window(position).len()).collect();
        assert_eq!(lens, [0, 1, 2, 0, 1, 2]);
        assert_eq!(recording.window(5)[0].bytes[0], 3);
    }

    #[test]
    fn what_was_not_flushed_is_not_in_the_flushed_image() {
        let recording = two_and_two();
        let mut bytes = [9; 1];
        recording.flushed_image(5).read(0, &mut bytes);
        assert_eq!(bytes, [1]);
        recording.flushed_image(2).read(0, &mut bytes);
        assert_eq!(bytes, [0]);
    }
}
