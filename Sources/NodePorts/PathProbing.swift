/// What an agent needs to answer probes about ways.
package struct PathProbing: Sendable {
    package var survey: any WaySurvey
    package var exchange: any ProbeExchange

    package init(survey: any WaySurvey, exchange: any ProbeExchange) {
        self.survey = survey
        self.exchange = exchange
    }
}
