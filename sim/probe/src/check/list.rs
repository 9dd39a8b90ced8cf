//! Lists that begin after a change was answered, and lists in pages (on S3, where we can ask for short pages).

use super::{Found, ROW_TIME, body};
use crate::ask::{Answer, Bench};
use crate::clock::{Stopwatch, seconds};
use crate::report::Seen;
use crate::said::Kind;
use object_store::path::Path;

const KEYS: usize = 10;
/// What is listed in pages: more than two pages.
const PAGED_KEYS: usize = 25;
const PAGE_LEN: usize = 10;
/// A server that pages in circles is not followed for ever.
const PAGES_MAX: usize = 3 * PAGED_KEYS;

pub(crate) async fn answers(bench: &Bench) -> Found {
    let shown = match bench.list(&below(bench, "nothing")).await {
        Err(said) if said.is(Kind::Denied) => return Ok(Seen::broken(said.line)),
        shown => shown?,
    };
    Ok(match shown.len() {
        0 => Seen::kept("answered"),
        keys => Seen::broken(format!("shows {keys} keys where nothing was put")),
    })
}

fn below(bench: &Bench, name: &str) -> Path {
    bench.root().clone().join(name)
}

pub(crate) async fn after_write(bench: &Bench) -> Found {
    let (below, watch) = (below(bench, "listed"), Stopwatch::bounded(ROW_TIME));
    let (mut put, mut missing) = (0, 0);
    while put < KEYS && !watch.is_over() {
        let key = bench.key(&format!("listed/{put:02}"));
        bench.put(&key, &body("listed")).await?;
        missing += usize::from(!bench.list(&below).await?.contains(&key));
        put += 1;
    }
    Ok(match missing {
        0 => Seen::kept(format!("{put} keys shown at once")),
        missing => Seen::broken(format!("{missing} of {put} keys not shown by the next list")),
    })
}

pub(crate) async fn after_delete(bench: &Bench) -> Found {
    let (below, watch) = (below(bench, "unlisted"), Stopwatch::bounded(ROW_TIME));
    let (mut deleted, mut shown) = (0, 0);
    while deleted < KEYS && !watch.is_over() {
        let key = bench.key(&format!("unlisted/{deleted:02}"));
        bench.put(&key, &body("unlisted")).await?;
        bench.list(&below).await?;
        bench.delete(&key).await?;
        shown += usize::from(bench.list(&below).await?.contains(&key));
        deleted += 1;
    }
    Ok(match shown {
        0 => Seen::kept(format!("{deleted} keys gone at once")),
        shown => Seen::broken(format!("{shown} of {deleted} keys still shown by the next list")),
    })
}

pub(crate) async fn pages(bench: &Bench) -> Found {
    bench.s3()?;
    let put: Vec<Path> = (0..PAGED_KEYS).map(|number| bench.key(&format!("pages/{number:02}"))).collect();
    let watch = Stopwatch::bounded(ROW_TIME);
    for key in &put {
        if watch.is_over() {
            return Ok(Seen::unknown(format!("not finished in {}", seconds(ROW_TIME))));
        }
        bench.put(key, &body("paged")).await?;
    }
    let (shown, pages) = read_pages(bench).await?;
    if shown == put {
        return Ok(Seen::kept(format!("{PAGED_KEYS} keys in {pages} pages of at most {PAGE_LEN}")));
    }
    let mut sorted = shown.clone();
    sorted.sort();
    if sorted == put {
        return Ok(Seen::broken("each key once, and in another order"));
    }
    let missing = put.iter().filter(|key| !shown.contains(key)).count();
    Ok(Seen::broken(format!("{} keys shown of {PAGED_KEYS}, {missing} of them missing", shown.len())))
}

async fn read_pages(bench: &Bench) -> Answer<(Vec<Path>, usize)> {
    let (below, mut shown, mut token) = (below(bench, "pages"), Vec::new(), None);
    for pages in 1..=PAGES_MAX {
        let page = bench.list_page(&below, PAGE_LEN, token).await?;
        shown.extend(page.keys);
        token = page.next;
        if token.is_none() {
            return Ok((shown, pages));
        }
    }
    Ok((shown, PAGES_MAX))
}
