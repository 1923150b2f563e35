//! The server over sockets, with a real engine behind it.

mod explore;
mod push;
mod query;
mod routing;
mod status;
mod stop;
mod support;
mod tail;
