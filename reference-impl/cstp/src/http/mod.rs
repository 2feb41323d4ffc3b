//! HTTP/1.x as both sides of AnyConnect speak it: ordered headers, incremental readers with bounded memory, cookies, URLs.
//!
//! The spelling and the order of headers are kept, because deployed peers compare both (AC-HTTP-06, AC-HTTP-07, AC-HTTP-08); names are
//! matched without regard to case when they are read. Nothing here opens a socket: bytes go in through [`RequestReader::push`] and
//! [`ResponseReader::push`], messages come out.

mod body;
mod cookie;
mod encoding;
mod head;
mod headers;
mod message;
mod request_reader;
mod response_reader;
mod url;

pub use cookie::{CookieJar, request_cookie};
pub use encoding::{form_decode, form_encode, percent_decode, percent_encode};
pub use head::{HttpError, Limits};
pub use headers::Headers;
pub use message::{CONTINUE, Request, Response, Version};
pub use request_reader::RequestReader;
pub use response_reader::{Expect, ResponseReader};
pub use url::{ServerUrl, UrlError};
