"""Outdoor climates by month: rounded normals of the kind of place, not the record of one station."""

from __future__ import annotations

from dataclasses import dataclass

Months = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdoor:
    """Twelve values each, January first: mean and daily range of the air, dew point, share of days with rain."""

    latitude_deg: float
    mean_c: Months
    range_k: Months
    dew_point_c: Months
    wet_days: Months
    synoptic_sd_k: float  # of a day's mean about the month's
    rain_h: float = 1.2  # mean length of a burst


CLIMATES: dict[str, Outdoor] = {
    # Mekong delta, Phnom Penh: always warm, monsoon from May to October
    "hot-humid": Outdoor(
        latitude_deg=11.0,
        mean_c=(26.4, 27.4, 28.8, 29.9, 29.4, 28.6, 28.2, 28.1, 27.8, 27.5, 27.3, 26.5),
        range_k=(10, 10, 10, 9.5, 8.5, 8, 7.5, 7.5, 7.5, 7.5, 8.5, 9.5),
        dew_point_c=(20, 20.5, 22, 23.5, 24.5, 24.5, 24.3, 24.3, 24.3, 24, 22.8, 21),
        wet_days=(0.06, 0.04, 0.07, 0.17, 0.55, 0.63, 0.7, 0.7, 0.72, 0.66, 0.35, 0.15),
        synoptic_sd_k=0.9,
    ),
    # Ganges delta, Dhaka: cool winter, heat before the rains, monsoon from June to September
    "monsoon-delta": Outdoor(
        latitude_deg=23.8,
        mean_c=(18.5, 21.8, 26.3, 28.7, 29.0, 29.1, 28.8, 28.9, 28.6, 27.3, 23.8, 19.9),
        range_k=(12, 13, 12, 10, 9, 6.5, 5.5, 5.5, 6, 7.5, 10, 11.5),
        dew_point_c=(12, 13, 17, 22, 24.3, 25.7, 26, 26, 25.6, 23, 17.5, 13.5),
        wet_days=(0.03, 0.08, 0.13, 0.3, 0.5, 0.65, 0.78, 0.75, 0.6, 0.3, 0.07, 0.03),
        synoptic_sd_k=1.3,
        rain_h=1.8,
    ),
    # Cairo, Amman: dry summers, cool winters with a little rain
    "hot-dry": Outdoor(
        latitude_deg=31.0,
        mean_c=(11, 12.5, 16, 20.5, 24.5, 27, 28.5, 28.5, 26.5, 23, 17.5, 12.8),
        range_k=(9, 10, 11.5, 13, 14, 14, 13.5, 13, 12.5, 11.5, 10.5, 9.5),
        dew_point_c=(4.5, 4.5, 5, 6, 8, 11, 14, 15, 13.5, 11, 8.5, 6),
        wet_days=(0.18, 0.17, 0.13, 0.06, 0.02, 0, 0, 0, 0, 0.03, 0.09, 0.16),
        synoptic_sd_k=2.2,
    ),
    # Addis Ababa: mild all year with cold nights, rain from June to September
    "highland": Outdoor(
        latitude_deg=9.0,
        mean_c=(15.8, 16.8, 17.8, 18, 18.2, 17, 15.8, 15.7, 16, 15.8, 15.2, 15.1),
        range_k=(15, 14.5, 14, 12.5, 13, 11.5, 9, 8.8, 10, 12.5, 14.5, 15.5),
        dew_point_c=(6, 7, 8.5, 10.5, 10, 11.2, 12.3, 12.4, 11.5, 8.5, 6.5, 5.5),
        wet_days=(0.08, 0.15, 0.28, 0.38, 0.35, 0.65, 0.9, 0.88, 0.6, 0.15, 0.05, 0.06),
        synoptic_sd_k=0.8,
    ),
}
