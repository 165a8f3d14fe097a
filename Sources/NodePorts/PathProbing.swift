/// What an agent needs to answer probes about ways.
package struct PathProbing: Sendable {
    package var survey: any WaySurvey
    package var exchange: any ProbeExchange
    package var crossing: any FrameCrossing
    package var guests: any GuestAsking

    package init(
        survey: any WaySurvey, exchange: any ProbeExchange, crossing: any FrameCrossing, guests: any GuestAsking
    ) {
        self.crossing = crossing
        self.guests = guests
        self.survey = survey
        self.exchange = exchange
    }
}
