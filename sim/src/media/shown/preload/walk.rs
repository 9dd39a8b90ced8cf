//! Where paths lead: name after name, links followed, as a kernel does it. Each name that is looked up is a call of the file system.

use super::calls::{Asked, Caller};
use super::{EBUSY, EILSEQ, ELOOP, ENAMETOOLONG, EXDEV};
use crate::media::files::fs::{EEXIST, EIO, ENOENT, ENOTDIR};
use crate::media::shown::vfs::{Answer, Attr, Name, NodeKind, Request};
use asl_preload_wire::Place;

/// The root's number.
const ROOT_NODE: u64 = 1;
/// How many links may follow one another, and how long a name may be, as Linux has it.
const LINKS_MAX: u32 = 40;
const NAME_LEN_MAX: usize = 255;

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) struct Found {
    parent: u64,
    /// The last name; `None` if the path ends with none (the root, dots).
    name: Option<String>,
    /// What it stands for, if anything.
    attr: Option<Attr>,
    /// A slash comes behind it.
    pub(super) must_be_dir: bool,
    /// All names from the root, without links and dots.
    pub(super) names: Vec<String>,
}

impl Found {
    /// What is there.
    pub(super) fn attr(&self) -> Asked<Attr> {
        let attr = self.attr.ok_or(ENOENT)?;
        if self.must_be_dir && attr.kind != NodeKind::Dir { Err(ENOTDIR) } else { Ok(attr) }
    }

    pub(super) fn is_there(&self) -> bool {
        self.attr.is_some()
    }

    /// The name, to take it away or to give it to something else.
    pub(super) fn name(&self) -> Asked<Name> {
        let name = self.name.clone().ok_or(EBUSY)?;
        Ok(Name { parent: self.parent, name })
    }

    /// The name, if it is nobody's yet.
    pub(super) fn new_name(&self) -> Asked<Name> {
        if self.is_there() { Err(EEXIST) } else { self.name() }
    }
}

/// The names of a path, the last one first.
fn names_of(path: &str) -> Asked<Vec<String>> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<String> = names.rev().map(str::to_owned).collect();
    if names.iter().any(|name| name.len() > NAME_LEN_MAX) { Err(ENAMETOOLONG) } else { Ok(names) }
}

/// Whether what a path ends with says that it is a directory.
fn ends_as_dir(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.")
}

impl Caller<'_> {
    /// Follows a path. If it ends with a link, what that leads to is meant only if `follow`.
    pub(super) async fn walk(&self, at: &Place, follow: bool) -> Asked<Found> {
        let (mut dir, mut names) = self.beginning(at.dir)?;
        let path = str::from_utf8(&at.path).map_err(|_| EILSEQ)?;
        let (mut rest, mut must_be_dir, mut links) = (names_of(path)?, ends_as_dir(path), 0);
        while let Some(name) = rest.pop() {
            if name == ".." {
                dir = self.look_up(dir, &name).await?.node;
                names.pop();
                continue;
            }
            let is_last = rest.is_empty();
            let attr = match self.look_up(dir, &name).await {
                Err(ENOENT) if is_last => None,
                found => Some(found?),
            };
            match attr {
                Some(attr) if attr.kind == NodeKind::Symlink && (!is_last || follow || must_be_dir) => {
                    links += 1;
                    let target = self.target(attr.node, links).await?;
                    must_be_dir |= is_last && ends_as_dir(&target);
                    if let Some(inside) = self.inside(&target)? {
                        (dir, names) = (ROOT_NODE, Vec::new());
                        rest.extend(names_of(inside)?);
                    } else {
                        rest.extend(names_of(&target)?);
                    }
                }
                attr if is_last => {
                    names.push(name.clone());
                    return Ok(Found { parent: dir, name: Some(name), attr, must_be_dir, names });
                }
                Some(attr) if attr.kind == NodeKind::Dir => {
                    dir = attr.node;
                    names.push(name);
                }
                _ => return Err(ENOTDIR),
            }
        }
        let attr = Some(self.status_of(dir).await?);
        Ok(Found { parent: dir, name: None, attr, must_be_dir, names })
    }

    /// The node that a path begins at, and the names that led there.
    fn beginning(&self, dir: u64) -> Asked<(u64, Vec<String>)> {
        if dir == 0 {
            return Ok((ROOT_NODE, Vec::new()));
        }
        let files = self.files();
        let open = files.get(dir)?;
        Ok((open.node, open.names.clone()))
    }

    async fn look_up(&self, parent: u64, name: &str) -> Asked<Attr> {
        self.attr(Request::Lookup { at: Name { parent, name: name.to_owned() } }).await
    }

    pub(super) async fn status_of(&self, node: u64) -> Asked<Attr> {
        self.attr(Request::GetAttr { node }).await
    }

    async fn attr(&self, request: Request) -> Asked<Attr> {
        match self.ask(request).await? {
            Answer::Attr(attr) => Ok(attr),
            _ => Err(EIO),
        }
    }

    async fn target(&self, node: u64, links: u32) -> Asked<String> {
        if links > LINKS_MAX {
            return Err(ELOOP);
        }
        match self.ask(Request::ReadLink { node }).await? {
            Answer::Target(target) => Ok(target),
            _ => Err(EIO),
        }
    }

    /// The part of an absolute path that is below our root; `None` if the path is relative.
    fn inside<'a>(&self, path: &'a str) -> Asked<Option<&'a str>> {
        if !path.starts_with('/') {
            return Ok(None);
        }
        let inside = path.strip_prefix(self.root());
        inside.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(Some).ok_or(EXDEV)
    }
}
