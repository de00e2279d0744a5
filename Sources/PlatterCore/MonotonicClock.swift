/// The clock seam: what decisions are told the time from.
package protocol MonotonicClock: Sendable {
    var now: Moment { get }
}
