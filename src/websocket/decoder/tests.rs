//! Every stream whole, octet by octet, and cut at each point.
