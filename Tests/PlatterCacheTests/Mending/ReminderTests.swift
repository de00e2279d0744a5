import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What is told again of something that goes on")
struct ReminderTests {
    private var reminder = Reminder()

    @Test("it is told at once, and then once in a while")
    mutating func paced() {
        let later = Moment.start.advanced(by: Reminder.interval)
        let moments = [.start, .start, Moment(nanoseconds: later.nanoseconds - 1), later, later]
        let told = moments.map { reminder.isDue(now: $0) }
        #expect(told == [true, false, false, true, false])
    }
}
