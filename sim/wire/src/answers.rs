//! The answers that the proxy gives itself.

use crate::request::Request;

/// An answer with a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    /// Number and words.
    pub(crate) status: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a str,
}

/// What S3 answers if too much is asked of it.
pub(crate) const SLOW_DOWN: Answer<'static> = Answer {
    status: "503 Slow Down",
    content_type: "application/xml",
    body: concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message>",
        "<RequestId>0000000000000000</RequestId><HostId>asl-wire</HostId></Error>",
    ),
};

/// What a load balancer answers if it cannot reach what stands behind it.
pub(crate) const BAD_GATEWAY: Answer<'static> = Answer {
    status: "502 Bad Gateway",
    content_type: "text/html",
    body: concat!(
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n",
        "<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
    ),
};

/// What a captive portal answers whatever it is asked.
pub(crate) const PORTAL: Answer<'static> = Answer {
    status: "200 OK",
    content_type: "text/html; charset=utf-8",
    body: concat!(
        "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\n",
        "<body><h1>Welcome</h1><p>Accept the terms to go on.</p></body></html>\n",
    ),
};

impl<'a> Answer<'a> {
    /// One line of text.
    pub(crate) fn text(status: &'a str, body: &'a str) -> Answer<'a> {
        Answer { status, content_type: "text/plain; charset=utf-8", body }
    }

    /// As bytes. `to` is the request that it answers, if one could be read; without one the connection
    /// closes.
    pub(crate) fn bytes(&self, to: Option<&Request>) -> Vec<u8> {
        let Answer { status, content_type, body } = self;
        let closes = to.is_none_or(|request| request.head.closes());
        let connection = if closes { "Connection: close\r\n" } else { "" };
        let has_body = to.is_none_or(|request| request.head.method() != b"HEAD");
        let shown = if has_body { *body } else { "" };
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{connection}\r\n{shown}"
        )
        .into_bytes()
    }
}
