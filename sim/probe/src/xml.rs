//! The little XML that S3 answers: elements by name, in answers to our own questions about our own keys.
//!
//! No parser: no namespaces, no comments, no character data sections, and an element does not hold one of its own name.

/// What stands in the first element of this name.
pub(crate) fn text_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    all(text, name).next()
}

/// What stands in each element of this name, in their order.
pub(crate) fn all<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let from = rest.find(&open)? + open.len();
            let after = &rest[from..];
            rest = after;
            // Not an element whose name only begins like this one's, nor one that is empty.
            if !after.starts_with(['>', ' ', '\t', '\n', '\r']) {
                continue;
            }
            let begin = after.find('>')? + 1;
            if after[..begin].ends_with("/>") {
                continue;
            }
            let end = begin + after[begin..].find(&close)?;
            rest = &after[end..];
            return Some(&after[begin..end]);
        }
    })
}

/// A text with the entities that S3 writes put back.
pub(crate) fn plain(text: &str) -> String {
    let quotes = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&apos;", "'");
    quotes.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let text = r#"<L xmlns="x"><Version><VersionId>1</VersionId></Version><VersionIdMarker/><Version ><VersionId>2</VersionId>
            </Version><Status></Status></L>"#;
        let ids: Vec<_> = all(text, "Version").filter_map(|version| text_of(version, "VersionId")).collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(text_of(text, "Status"), Some(""));
        assert_eq!(text_of(text, "VersionIdMarker"), None);
        assert_eq!(text_of("<Version><cut", "Version"), None);
    }

    #[test]
    fn entities_are_put_back() {
        assert_eq!(plain("&quot;a&amp;b&quot;"), "\"a&b\"");
    }
}
