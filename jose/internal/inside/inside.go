// Package inside holds the ticket to doors that only the packages of this module
// may use: nobody outside can name a Ticket, so nobody can ask.
package inside

// Ticket opens an exported method that is no part of the library's surface.
type Ticket struct{}
