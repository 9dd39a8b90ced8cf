//! Blocks, snapshots, and the store itself.

use super::records::other_bytes;
use super::survival::{durability, store_durability};
use super::{Back, Durability, Item, Question, questions};
use crate::explain::moments::Moments;
use crate::history::{Ask, Event, Name, Place, Told};

pub(super) fn blocks(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let mut items = Vec::new();
    for question in &all {
        let Ask::SealBlock { block } = *question.ask else { continue };
        let sealed = matches!(question.told, Some((_, Told::Done)));
        let name = format!("block {}", moments.history.name(block));
        let mut item = question.item(name, moments, sealed);
        let writes = all.iter().filter_map(|write| match *write.ask {
            Ask::WriteBlock { block: of, data } if of == block && data.len() >= 8 => {
                Some((write.event, data))
            }
            _ => None,
        });
        // As durable as the least durable of its bytes.
        let states: Vec<Durability> =
            writes.map(|(event, data)| durability(moments, event, data, true)).collect();
        let durable = |state: &&Durability| matches!(state, Durability::Durable { .. });
        let crashed = moments.crash().is_some_and(|crash| crash.event > question.event);
        item.durability = match states.iter().find(|state| !durable(state)).or(states.first()) {
            _ if !crashed => Durability::NoCrash,
            Some(state) => state.clone(),
            None => Durability::Unknown,
        };
        item.back = block_back(moments, &all, block);
        item.concerned = sealed && matches!(item.back, Back::Nothing | Back::Other(_));
        items.push(item);
    }
    items
}

fn block_back(moments: &Moments<'_>, all: &[Question<'_>], block: Name) -> Back {
    let since = moments.crash().map_or(0, |crash| crash.event);
    for question in all.iter().rev().filter(|question| question.event > since) {
        match (question.ask, question.told.map(|(_, told)| told)) {
            (Ask::ListBlocks, Some(Told::Names(names))) if names.contains(&block) => return Back::Whole,
            (Ask::ListBlocks, Some(Told::Names(_))) => return Back::Nothing,
            (Ask::ReadBlock { block: of }, Some(Told::Failed { kind, .. })) if *of == block => {
                return Back::Other(format!("error: {kind}"));
            }
            (Ask::ReadBlock { block: of }, Some(Told::Bytes(span))) if *of == block => {
                let written: Vec<u8> = all
                    .iter()
                    .filter_map(|write| match *write.ask {
                        Ask::WriteBlock { block: of, data } if of == block => {
                            Some(moments.history.bytes(data))
                        }
                        _ => None,
                    })
                    .flatten()
                    .copied()
                    .collect();
                let bytes = moments.history.bytes(*span);
                return if bytes == written { Back::Whole } else { Back::Other(other_bytes(bytes)) };
            }
            _ => {}
        }
    }
    Back::NotRead
}

pub(super) fn snapshots(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let since = moments.crash().map_or(0, |crash| crash.event);
    let listed = all.iter().rev().filter(|question| question.event > since).find_map(|question| {
        match (question.ask, question.told?.1) {
            (Ask::ListSnapshots, Told::Names(names)) => Some(names),
            _ => None,
        }
    });
    let made = all.iter().filter(|question| *question.ask == Ask::CreateSnapshot);
    made.map(|question| {
        let name = match question.told {
            Some((_, Told::Named(name))) => Some(*name),
            _ => None,
        };
        let text = name.map_or_else(
            || "a snapshot".to_owned(),
            |name| format!("snapshot {}", moments.history.name(name)),
        );
        let mut item = question.item(text, moments, name.is_some());
        if moments.crash().is_some_and(|crash| crash.event > question.event) {
            item.durability = Durability::Unknown;
        }
        item.back = match (name, listed) {
            (Some(name), Some(listed)) if listed.contains(&name) => Back::Whole,
            (Some(_), Some(_)) => Back::Nothing,
            _ => Back::NotRead,
        };
        let about = match moments.asked_by(moments.last) {
            Some(Ask::InspectSnapshot { snapshot }) => Some(*snapshot) == name,
            _ => item.back == Back::Nothing,
        };
        item.concerned = about && name.is_some();
        item
    })
    .collect()
}

/// The store itself.
pub(super) fn stores(moments: &Moments<'_>) -> Vec<Item> {
    let all = questions(moments);
    let Some(question) = all.iter().find(|question| *question.ask == Ask::Create { place: Place::Main })
    else {
        return Vec::new();
    };
    let mut item =
        question.item("the store".to_owned(), moments, matches!(question.told, Some((_, Told::Done))));
    if let Some(crash) = moments.crash().filter(|crash| crash.event > question.event) {
        item.durability = store_durability(crash);
    }
    if let Event::Told { told, .. } = &moments.history.events()[moments.last]
        && matches!(moments.asked_by(moments.last), Some(Ask::Open { .. }))
    {
        item.back = match told {
            Told::Done => Back::Whole,
            Told::Failed { kind, .. } => Back::Other(format!("error: {kind}")),
            _ => Back::NotRead,
        };
    }
    item.concerned = matches!(item.back, Back::Other(_));
    vec![item]
}
