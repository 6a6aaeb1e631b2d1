// Package action makes one-time tokens for links: password resets, invitations,
// confirmations of an address. A token stands for a purpose, a subject and an
// expiry, and works once.
//
// A token is 256 random bits and says nothing by itself. A Store keeps the SHA-256
// hash of purpose and token, so that neither a copy of the store nor a log of its
// queries opens anything, and a token made for one purpose is unknown under every
// other. Looking and spending are two acts:
//
//	GET  the link, by a person or by a mail scanner: Peek, and show a button
//	POST the button's form: Spend, and act when its error is nil
//
// Whoever has a token that does not work learns nothing else: unknown, expired,
// spent and made for another purpose are one error, ActionInvalid, with one text.
package action
